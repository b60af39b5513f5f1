"""What a Deployment says of its rollout: counts and conditions. Its other half is deployment, which decides."""

from dataclasses import dataclass
from typing import Any

from deployments.sandbox.cluster.deployment import replicas_of
from deployments.sandbox.cluster.state import Object, timestamp

NEW_AVAILABLE = "NewReplicaSetAvailable"
TIMED_OUT = "ProgressDeadlineExceeded"
_DEFAULT_DEADLINE = 600


@dataclass(frozen=True, slots=True)
class Pods:
    """How many pods there are: of all ReplicaSets, of the newest one, and how many of each are ready."""

    total: int
    updated: int
    ready: int
    updated_ready: int


def status_of(deployment: Object, newest: str, pods: Pods, *, idle_seconds: float) -> Object:
    """The Deployment's next status; `idle_seconds` is how long ago its rollout last made progress."""
    wanted = replicas_of(deployment)
    counts = {
        "replicas": pods.total,
        "updatedReplicas": pods.updated,
        "readyReplicas": pods.ready,
        "availableReplicas": pods.ready,
        "unavailableReplicas": max(max(wanted, pods.total) - pods.ready, 0),
    }
    conditions = [_available(wanted, pods), _progressing(deployment, newest, pods, idle_seconds)]
    before = {c["type"]: c for c in (deployment.get("status") or {}).get("conditions", [])}
    return {
        "observedGeneration": deployment["metadata"]["generation"],
        # Kubernetes leaves counts of zero out.
        **{name: count for name, count in counts.items() if count},
        "conditions": [_dated(condition, before.get(condition["type"])) for condition in conditions],
    }


def made_progress(before: Object, now: Object) -> bool:
    """Whether a status is nearer to the rollout's end than the one before it."""

    def old(status: Object) -> int:
        return int(status.get("replicas", 0)) - int(status.get("updatedReplicas", 0))

    grows = ("updatedReplicas", "readyReplicas", "availableReplicas")
    return old(now) < old(before) or any(now.get(count, 0) > before.get(count, 0) for count in grows)


def progress_reason(deployment: Object) -> str:
    """The reason of the Progressing condition, empty before there is one."""
    conditions = (deployment.get("status") or {}).get("conditions", [])
    return next((str(c["reason"]) for c in conditions if c["type"] == "Progressing"), "")


def _available(wanted: int, pods: Pods) -> Object:
    if pods.ready >= wanted:
        return _condition("Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    reason, message = "MinimumReplicasUnavailable", "Deployment does not have minimum availability."
    return _condition("Available", "False", reason, message)


def _progressing(deployment: Object, newest: str, pods: Pods, idle_seconds: float) -> Object:
    wanted, before = replicas_of(deployment), progress_reason(deployment)
    is_observed = (deployment.get("status") or {}).get("observedGeneration") == deployment["metadata"]["generation"]
    # A finished rollout stays finished when its pods fail later: only Available tells.
    was_complete = is_observed and before == NEW_AVAILABLE and pods.total == pods.updated
    if was_complete or pods.total == pods.updated == pods.updated_ready == wanted:
        message = f'ReplicaSet "{newest}" has successfully progressed.'
        return _condition("Progressing", "True", NEW_AVAILABLE, message)
    deadline = deployment["spec"].get("progressDeadlineSeconds", _DEFAULT_DEADLINE)
    if idle_seconds > deadline:
        return _condition("Progressing", "False", TIMED_OUT, f'ReplicaSet "{newest}" has timed out progressing.')
    return _condition("Progressing", "True", "ReplicaSetUpdated", f'ReplicaSet "{newest}" is progressing.')


def _condition(type_: str, status: str, reason: str, message: str) -> Object:
    return {"type": type_, "status": status, "reason": reason, "message": message}


def _dated(condition: Object, before: dict[str, Any] | None) -> Object:
    now = timestamp()
    if before is None:
        return condition | {"lastUpdateTime": now, "lastTransitionTime": now}
    same_status = before["status"] == condition["status"]
    same = same_status and before["reason"] == condition["reason"] and before["message"] == condition["message"]
    return condition | {
        "lastUpdateTime": before["lastUpdateTime"] if same else now,
        "lastTransitionTime": before["lastTransitionTime"] if same_status else now,
    }
