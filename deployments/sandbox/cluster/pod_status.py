"""A pod as the API shows it: the object that a ReplicaSet creates, and the status that its container's state gives."""

import secrets
from copy import deepcopy
from dataclasses import dataclass

from deployments.sandbox.cluster.state import Object, owner_reference, timestamp

PORT = "sandbox.tidegate/port"
"""The annotation with the loopback port that the pod's process listens on; each start has one of its own."""
NODE = "sandbox"
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


@dataclass(frozen=True, slots=True)
class Terminated:
    """How a container ended; the exit code is 128 and the signal's number where a signal ended it."""

    exit_code: int
    reason: str
    started_at: str
    finished_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """The state of a pod's container: it waits for `waiting`, or runs since `running_since`."""

    waiting: str = "ContainerCreating"
    message: str = ""
    running_since: str = ""
    is_ready: bool = False
    restarts: int = 0
    image_id: str = ""
    last: Terminated | None = None


def new_pod(replica_set: Object) -> Object:
    """A pod of the ReplicaSet's template, with the fields that an API server fills in."""
    template, metadata = deepcopy(replica_set["spec"]["template"]), replica_set["metadata"]
    suffix = "".join(secrets.choice(_ALPHABET) for _ in range(5))
    pod: Object = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{metadata['name']}-{suffix}",
            "namespace": metadata["namespace"],
            "labels": template["metadata"]["labels"],
            "ownerReferences": [owner_reference(replica_set)],
        },
        "spec": {"restartPolicy": "Always", "terminationGracePeriodSeconds": 30} | template["spec"],
        "status": {},
    }
    pod["spec"]["nodeName"] = NODE
    if template["metadata"].get("annotations"):
        pod["metadata"]["annotations"] = template["metadata"]["annotations"]
    show(pod, Container())
    return pod


def show(pod: Object, container: Container) -> None:
    """Write the container's state into the pod's status."""
    before = pod["status"]
    conditions = {c["type"]: c for c in before.get("conditions", [])}
    ready = _condition("Ready", conditions, is_true=container.is_ready)
    containers = _condition("ContainersReady", conditions, is_true=container.is_ready)
    known = [_condition(t, conditions, is_true=True) for t in ("Initialized", "PodScheduled")]
    pod["status"] = {
        "phase": "Running" if container.running_since or container.last else "Pending",
        "conditions": [known[0], ready, containers, known[1]],
        "containerStatuses": [_container_status(pod, container)],
        "hostIP": "127.0.0.1",
        "podIP": "127.0.0.1",
        "startTime": before.get("startTime") or timestamp(),
    }


def is_ready(pod: Object) -> bool:
    """Whether the pod takes requests: ready, and not about to end."""
    conditions = pod["status"].get("conditions", [])
    return is_active(pod) and any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def is_active(pod: Object) -> bool:
    """Whether the pod counts for its ReplicaSet: one that was told to end does not."""
    return "deletionTimestamp" not in pod["metadata"]


def _container_status(pod: Object, container: Container) -> Object:
    declared = pod["spec"]["containers"][0]
    if container.running_since:
        state: Object = {"running": {"startedAt": container.running_since}}
    else:
        state = {"waiting": {"reason": container.waiting}}
        if container.message:
            state["waiting"]["message"] = container.message
    return {
        "name": declared["name"],
        "image": declared["image"],
        "imageID": container.image_id,
        "ready": container.is_ready,
        "started": bool(container.running_since),
        "restartCount": container.restarts,
        "state": state,
        "lastState": {"terminated": _terminated(container.last)} if container.last else {},
    }


def _terminated(last: Terminated) -> Object:
    moments = {"startedAt": last.started_at, "finishedAt": last.finished_at}
    return {"exitCode": last.exit_code, "reason": last.reason} | moments


def _condition(type_: str, before: dict[str, Object], *, is_true: bool) -> Object:
    status = "True" if is_true else "False"
    known = before.get(type_)
    since = known["lastTransitionTime"] if known and known["status"] == status else timestamp()
    condition = {"type": type_, "status": status, "lastTransitionTime": since}
    if not is_true:
        condition |= {"reason": "ContainersNotReady", "message": "containers with unready status"}
    return condition
