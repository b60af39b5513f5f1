"""A cluster that runs nothing: it keeps objects as an API server does, and their pods are as somebody tells it."""

import copy
import itertools
import threading
import uuid
from collections.abc import Callable
from typing import Any

from deployments.sandbox.argocd.resources import Document

_REVISION = "deployment.kubernetes.io/revision"
_UNSCHEDULABLE = "Unschedulable"
_JOBS = {"done": "Complete", "failed": "Failed"}


class ToldCluster:
    """The pods of a new template start well unless told otherwise; old ones go as soon as the new ones are ready.

    `waiting` is the reason for which new pods do not start, such as ImagePullBackOff, `restarts` how often they have
    been started; `progress_deadline_exceeded` has Deployments give up; `is_blind` keeps controllers from seeing what
    is applied. `jobs` says how Jobs end: done, failed, or running while they do not.
    """

    def __init__(self) -> None:
        self.live: dict[tuple[str, str, str], Document] = {}
        self.waiting: str | None = None
        self.restarts = 0
        self.progress_deadline_exceeded = False
        self.is_blind = False
        self.jobs = "done"
        self._callbacks: list[Callable[..., object]] = []
        self._lock = threading.RLock()
        self._versions = itertools.count(1)

    def apply(self, manifest: Document, /) -> None:
        """Create the object or change it; a Deployment gets its ReplicaSet and its pod at once."""
        key = manifest["kind"], manifest["metadata"]["namespace"], manifest["metadata"]["name"]
        with self._lock:
            before = self.live.get(key)
            made = self._made(copy.deepcopy(manifest), before)
            made["metadata"]["generation"] = before["metadata"]["generation"] if before else 1
            if before and before.get("spec") != made.get("spec"):
                made["metadata"]["generation"] += 1
            made["status"] = before["status"] if before else {}
            self.live[key] = made
            self._control(made)
        self.changed()

    def finish(self) -> None:
        """All that waited is ready now, and the old pods go."""
        self.waiting, self.restarts, self.is_blind = None, 0, False
        self.tell()

    def tell(self) -> None:
        """Have the controllers look at everything again, after something was told."""
        with self._lock:
            for made in list(self.live.values()):
                self._control(made)
        self.changed()

    def change(self, kind: str, namespace: str, name: str, edit: Callable[[Document], None], /) -> bool:
        """Let `edit` change the live object in place; False where it is not there."""
        with self._lock:
            live = self.live.get((kind, namespace, name))
            if live is not None:
                edit(live)
        self.changed()
        return live is not None

    def delete(self, kind: str, namespace: str, name: str, /) -> None:
        """Remove the object; nothing happens where it is not there."""
        with self._lock:
            self.live.pop((kind, namespace, name), None)
        self.changed()

    def get(self, kind: str, namespace: str, name: str, /) -> Document | None:
        """The live object, or None."""
        with self._lock:
            return copy.deepcopy(self.live.get((kind, namespace, name)))

    def objects(self, namespace: str, /) -> list[Document]:
        """Every live object in the namespace."""
        with self._lock:
            return copy.deepcopy([o for (_, its, _), o in self.live.items() if its == namespace])

    def service_url(self, namespace: str, name: str, /) -> str:
        """Where a Service would be reached, if anything listened."""
        return f"http://127.0.0.1:8099/{namespace}/{name}"

    def logs(self, namespace: str, pod: str, /) -> str:
        """The same two lines for every pod that is there."""
        return "listening\nready\n" if ("Pod", namespace, pod) in self.live else ""

    def subscribe(self, callback: Callable[..., object], /) -> None:
        """Have `callback` called after each change."""
        self._callbacks.append(callback)

    def changed(self) -> None:
        """Say that something has changed."""
        for callback in self._callbacks:
            callback()

    def _made(self, made: Document, before: Document | None) -> Document:
        identity = {"uid": str(uuid.uuid4()), "creationTimestamp": "2026-01-01T00:00:00Z"}
        if before:
            identity = {name: before["metadata"][name] for name in identity}
        made["metadata"] |= identity | {"resourceVersion": str(next(self._versions))}
        return made

    def _control(self, made: Document) -> None:
        if self.is_blind:
            return
        if made["kind"] == "Deployment":
            self._roll_out(made)
        elif made["kind"] == "Job":
            ended = _JOBS.get(self.jobs)
            made["status"] = {"conditions": [{"type": ended, "status": "True", "message": "told"}]} if ended else {}

    def _roll_out(self, deployment: Document) -> None:
        container = deployment["spec"]["template"]["spec"]["containers"][0]
        called = f"{deployment['metadata']['name']}-{container['image'][-6:]}"
        before = self._owned_by(deployment)
        replica_set = self._own(deployment, "ReplicaSet", called, {"replicas": 1}, self._counts())
        revisions = {o["metadata"]["name"]: int(o["metadata"]["annotations"][_REVISION]) for o in before}
        newest = max(revisions.values(), default=0)
        # One that is used again becomes the newest, as Kubernetes has it.
        revision = newest + (revisions.get(called, 0) < newest or not before)
        replica_set["metadata"]["annotations"] = {_REVISION: str(revision)}
        pod_spec = {"containers": [container], "nodeName": "loopback"}
        self._own(replica_set, "Pod", f"{called}-abcde", pod_spec, self._pod_status())
        deployment["status"] = self._counts() | {"observedGeneration": deployment["metadata"]["generation"]}
        if self.progress_deadline_exceeded:
            deployment["status"]["conditions"] = [{"type": "Progressing", "reason": "ProgressDeadlineExceeded"}]
        old = [one for one in before if one["metadata"]["name"] != called and not self.waiting]
        for gone in [*old, *(pod for one in old for pod in self._owned_by(one))]:
            del self.live[gone["kind"], gone["metadata"]["namespace"], gone["metadata"]["name"]]

    def _owned_by(self, owner: Document) -> list[Document]:
        uid = owner["metadata"]["uid"]
        return [o for o in self.live.values() if any(r["uid"] == uid for r in o["metadata"].get("ownerReferences", []))]

    def _own(self, owner: Document, kind: str, called: str, spec: Document, status: Document) -> Document:
        place = owner["metadata"]
        reference = {"apiVersion": "apps/v1", "kind": owner["kind"], "name": place["name"], "uid": place["uid"]}
        metadata = {"name": called, "namespace": place["namespace"], "generation": 1, "ownerReferences": [reference]}
        metadata["labels"] = {"app": place["name"]}
        made = {"apiVersion": "v1" if kind == "Pod" else "apps/v1", "kind": kind, "metadata": metadata}
        key = kind, place["namespace"], called
        self.live[key] = self._made(made | {"spec": spec, "status": status}, self.live.get(key))
        return self.live[key]

    def _counts(self) -> Document:
        ready = 0 if self.waiting else 1
        return {"replicas": 2 - ready, "updatedReplicas": 1, "availableReplicas": ready, "observedGeneration": 1}

    def _pod_status(self) -> Document:
        if self.waiting == _UNSCHEDULABLE:
            told = {"reason": _UNSCHEDULABLE, "message": "0/3 nodes are available: 3 Insufficient cpu."}
            return {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", **told}]}
        container: dict[str, Any] = {"name": "main", "ready": not self.waiting, "restartCount": self.restarts}
        if self.waiting:
            state = {"waiting": {"reason": self.waiting, "message": f"{self.waiting}: no such image"}}
            return {"phase": "Pending", "containerStatuses": [container | {"state": state}]}
        ready = {"conditions": [{"type": "Ready", "status": "True"}]}
        return {"phase": "Running", **ready, "containerStatuses": [container | {"state": {"running": {}}}]}
