"""The life of one pod, in a thread of its own: pull, start, probe, restart with a back-off, end."""

import socket
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

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
        try:
            self._run_until_told_to_end()
        finally:
            # The process is gone by now, and with it the pod.
            self._node.store.remove("Pod", self._namespace, self._name)

    def _run_until_told_to_end(self) -> None:
        exits = 0
        while not self._ending.is_set():
            image = self._pull()
            if image is None:
                return
            try:
                code = self._run(image, restarts=exits)
            except ConfigurationMissing as problem:
                self._report(waiting="CreateContainerConfigError", message=str(problem))
            except StartError as problem:
                self._report(waiting="RunContainerError", message=str(problem))
            else:
                exits += 1
                self._report_exit(code, pause=self._node.timing.back_off_after(exits))
            # What cannot start at all waits like what has crashed twice.
            self._ending.wait(self._node.timing.back_off_after(max(exits, 2)))

    def _pull(self) -> PulledImage | None:
        """The image, however often that takes; None where the pod ends before."""
        failures = 0
        while not self._ending.is_set():
            try:
                if self._node.faults.fails_pull(self._image):
                    raise PullError("the registry was told to fail here")
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

    def _run(self, image: PulledImage, *, restarts: int) -> int:
        """Run the container once, to its end, and return its exit code."""
        variables = declared_variables(
            self._declared, lambda name: self._node.store.get("ConfigMap", self._namespace, name)
        )
        port = _free_port()
        log = self._node.log_of(self._namespace, self._name)
        process = start(image, self._declared, environment_of(image, variables, port), log)
        grace = min(float(self._spec["terminationGracePeriodSeconds"]), self._node.timing.longest_grace)
        try:
            self._set_port(port)
            image_id = f"{self._image.repository}@{self._image.digest or image.digest}"
            self._report(waiting="", message="", running_since=timestamp(), restarts=restarts, image_id=image_id)
            return self._watch(process, image, port, grace)
        finally:
            process.end(grace_seconds=grace)

    def _watch(self, process: Process, image: PulledImage, port: int, grace: float) -> int:
        started = time.monotonic()
        readiness = ProbeResults(declared_probe(self._declared, "readinessProbe"), port, started=started)
        liveness = ProbeResults(declared_probe(self._declared, "livenessProbe"), port, started=started)
        digests = {image.digest, self._image.digest or image.digest}
        while not self._ending.wait(self._node.timing.tick):
            code = process.exit_code()
            if code is not None:
                return code
            liveness.ask_if_due(time.monotonic())
            if liveness.has_failed:
                self._report(is_ready=False)
                break
            readiness.ask_if_due(time.monotonic())
            is_blocked = any(self._node.faults.blocks_readiness(self._namespace, digest) for digest in digests)
            self._report(is_ready=readiness.has_passed and not is_blocked)
        return process.end(grace_seconds=grace)

    def _report_exit(self, code: int, *, pause: float) -> None:
        reason = "Error" if code else "Completed"
        last = Terminated(code, reason, self._container.running_since, timestamp())
        pod = f"{self._name}_{self._namespace}({self._uid})"
        message = f"back-off {pause:g}s restarting failed container={self._declared['name']} pod={pod}"
        self._report(waiting="CrashLoopBackOff", message=message, running_since="", is_ready=False, last=last)

    def _set_port(self, port: int) -> None:
        def edit(pod: Object) -> None:
            pod["metadata"].setdefault("annotations", {})[PORT] = str(port)

        self._node.store.change("Pod", self._namespace, self._name, edit)

    def _report(self, **changes: Any) -> None:
        container = replace(self._container, **changes)
        if container == self._container:
            return
        self._container = container
        self._node.store.change("Pod", self._namespace, self._name, lambda pod: show(pod, container))


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
