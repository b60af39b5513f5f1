"""The life of one pod, in a thread of its own: pull, start, probe, restart with a back-off, end."""

import socket
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

from deployments.sandbox.cluster.faults import Faults
from deployments.sandbox.cluster.image_store import ImageStore, PulledImage
from deployments.sandbox.cluster.pod_status import PORT, Container, Terminated, show
from deployments.sandbox.cluster.probe import ProbeResults, declared_probe
from deployments.sandbox.cluster.process import Process, StartError, environment_of, start
from deployments.sandbox.cluster.pull import PullError
from deployments.sandbox.cluster.state import Object, ObjectStore, timestamp
from deployments.sandbox.cluster.timing import Timing
from deployments.sandbox.cluster.variables import ConfigurationMissing, declared_variables
from tasks.domain.image import parse_image

# Kubernetes shows the error itself until it next looks at the pod, and the back-off from then on.
_ERROR_SHOWN_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Node:
    """What the pods of one node share."""

    store: ObjectStore
    images: ImageStore
    faults: Faults
    timing: Timing
    logs: Path

    def log_of(self, namespace: str, pod: str) -> Path:
        """The file with what the pod's process printed, over all its restarts."""
        return self.logs / namespace / f"{pod}.log"


class PodLife:
    """Begins with `begin`; `ask_to_end` returns at once, and `has_ended` tells when no process is left."""

    def __init__(self, node: Node, pod: Object) -> None:
        self._node = node
        self._namespace: str = pod["metadata"]["namespace"]
        self._name: str = pod["metadata"]["name"]
        self._uid: str = pod["metadata"]["uid"]
        self._spec: Object = pod["spec"]
        self._declared: Object = pod["spec"]["containers"][0]
        self._image = parse_image(self._declared["image"])
        self._container = Container()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._live, name=f"pod {self._namespace}/{self._name}", daemon=True)

    def begin(self) -> None:
        """Start the pod's thread."""
        self._thread.start()

    def ask_to_end(self) -> None:
        """The process gets its grace period, then it is killed."""
        self._ending.set()

    def has_ended(self) -> bool:
        """Whether the process and the thread are gone."""
        return not self._thread.is_alive()

    def wait(self, seconds: float) -> None:
        """Wait for the end, but not for longer than this."""
        self._thread.join(seconds)

    def _live(self) -> None:
        failures = 0
        while not self._ending.is_set():
            image = self._pull()
            if image is None:
                return
            failures = self._run(image, failures) + 1
            pause = self._node.timing.back_off_after(failures)
            if self._container.waiting == "CrashLoopBackOff" and pause:
                pod = f"{self._name}_{self._namespace}({self._uid})"
                what = f"back-off {pause:g}s restarting failed container={self._declared['name']} pod={pod}"
                self._report(message=what, running_since="")
            self._ending.wait(pause)

    def _pull(self) -> PulledImage | None:
        """The image, however often that takes; None where the pod ends before."""
        failures = 0
        while not self._ending.is_set():
            try:
                if self._node.faults.fails_pull(self._image):
                    raise PullError("the registry was told to fail here")  # noqa: TRY301
                return self._node.images.pull(self._image)
            except PullError as problem:
                failures += 1
                error = f'failed to pull image "{self._image}": {problem}'
            self._report(waiting="ErrImagePull", message=error)
            self._ending.wait(_ERROR_SHOWN_SECONDS)
            back_off = f'Back-off pulling image "{self._image}": ErrImagePull: {error}'
            self._report(waiting="ImagePullBackOff", message=back_off)
            self._ending.wait(self._node.timing.back_off_after(failures + 1))
        return None
