"""The cluster's API and its control loop: what the Argo CD stand-in talks to."""

import contextlib
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from deployments.sandbox.cluster.admission import admit
from deployments.sandbox.cluster.faults import Faults
from deployments.sandbox.cluster.image_store import ImageStore
from deployments.sandbox.cluster.pod import Node, PodLife
from deployments.sandbox.cluster.pod_status import is_active
from deployments.sandbox.cluster.reconcile import Progress, end_pod, reconcile
from deployments.sandbox.cluster.service import ServiceProxies
from deployments.sandbox.cluster.state import Object, ObjectStore
from deployments.sandbox.cluster.timing import Timing

# Deadlines pass without any change; nothing else needs a look when nothing changed.
_LOOK_SECONDS = 0.25
_SETTLE_SECONDS = 0.01


class Cluster:
    """Runs between `start` and `stop`, or inside a with block; keeps images and logs below `root`. Thread-safe.

    `service_ports` fixes the ports of Services by (namespace, name); the others get a free one each.
    `registry_logins` has a user and a password by registry host; the others are read without one.
    """

    def __init__(
        self,
        root: Path,
        service_ports: Mapping[tuple[str, str], int] | None = None,
        *,
        registry_logins: Mapping[str, tuple[str, str]] | None = None,
        timing: Timing | None = None,
    ) -> None:
        self.faults = Faults()
        self._store = ObjectStore()
        images = ImageStore(root / "node", registry_logins or {})
        self._node = Node(self._store, images, self.faults, timing or Timing(), root / "logs")
        self._proxies = ServiceProxies(self._store, service_ports or {})
        self._lives: dict[str, PodLife] = {}
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._control, name="cluster control", daemon=True)
        self._store.subscribe(self._wake.set)

    def start(self) -> None:
        """Begin to run what is applied; once."""
        self._proxies.start()
        self._thread.start()

    def stop(self) -> None:
        """End every process, thread and port; what was applied is not run again."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        for life in self._lives.values():
            life.ask_to_end()
        for life in self._lives.values():
            # A pull that waits for a registry ends with its timeout; it has no process.
            life.wait(self._node.timing.longest_grace + 5)
        self._proxies.stop()

    def apply(self, manifest: Object) -> None:
        """Create the object or change it to be as the manifest says; raises ApiError as an API server would."""
        declared = admit(manifest, self.get)
        if declared["kind"] == "Service":
            self.service_url(declared["metadata"]["namespace"], declared["metadata"]["name"])
        self._store.apply(declared)

    def change(self, kind: str, namespace: str, name: str, edit: Callable[[Object], None]) -> bool:
        """Let `edit` change the live object in place, its status too; False where it is not there or stays the same."""
        return self._store.change(kind, namespace, name, edit)

    def delete(self, kind: str, namespace: str, name: str) -> None:
        """Remove the object; what it owns follows. An object that is not there is no error."""
        pod = self._store.get("Pod", namespace, name) if kind == "Pod" else None
        if pod is not None:
            end_pod(self._store, pod)
        else:
            self._store.remove(kind, namespace, name)

    def get(self, kind: str, namespace: str, name: str) -> Object | None:
        """A copy of the live object, or None."""
        return self._store.get(kind, namespace, name)

    def objects(self, namespace: str) -> list[Object]:
        """Copies of all live objects in the namespace, the oldest first, owned ones included."""
        return self._store.objects(namespace)

    def service_url(self, namespace: str, name: str) -> str:
        """Where a Service is reached, the same from the first call on, also before it exists.

        While no pod is ready, connections are closed at once. Raises OSError where its fixed port is in use.
        """
        return self._proxies.url(namespace, name)

    def logs(self, namespace: str, pod: str) -> str:
        """What a pod printed, over all its restarts, also after its end; empty where it printed nothing."""
        # The names come from outside and must not lead out of the folder.
        if any("/" in part or part in ("", ".", "..") for part in (namespace, pod)):
            return ""
        with contextlib.suppress(FileNotFoundError):
            return self._node.log_of(namespace, pod).read_text(errors="replace")
        return ""

    def subscribe(self, callback: Callable[[], object]) -> None:
        """Have `callback` called after each change, from any thread; it must return at once and not raise."""
        self._store.subscribe(callback)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _control(self) -> None:
        progress = Progress()
        while not self._stopping.is_set():
            self._wake.wait(_LOOK_SECONDS)
            # Changes come in bursts; one pass serves them all.
            self._stopping.wait(_SETTLE_SECONDS)
            self._wake.clear()
            reconcile(self._store, progress)
            self._keep_lives()

    def _keep_lives(self) -> None:
        """Every pod has a life, and a pod that was told to end passes that on; its life takes it out of the store."""
        pods = {pod["metadata"]["uid"]: pod for pod in self._store.objects(kind="Pod")}
        for uid, pod in pods.items():
            life = self._lives.get(uid)
            if life is None and is_active(pod):
                self._lives[uid] = PodLife(self._node, pod)
                self._lives[uid].begin()
            elif life is None:
                self._store.remove("Pod", pod["metadata"]["namespace"], pod["metadata"]["name"])
            elif not is_active(pod):
                life.ask_to_end()
        self._lives = {uid: life for uid, life in self._lives.items() if uid in pods or not life.has_ended()}
