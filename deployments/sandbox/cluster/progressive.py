"""How an Argo Rollout's next step is decided: steps, pauses and sizes as functions of what is there.

Its other half is progressive_controller, which reads and writes the objects. Fields and words are those of
https://argo-rollouts.readthedocs.io/en/stable/features/specification/, without traffic routing: a weight is a share of
the pods.
"""

import hashlib
import json
import math
from datetime import datetime

from deployments.sandbox.cluster.deployment import Replicas, replicas_of
from deployments.sandbox.cluster.deployment_status import Pods
from deployments.sandbox.cluster.state import Object, timestamp

HASH = "rollouts-pod-template-hash"
REVISION = "rollout.argoproj.io/revision"
CANARY_PAUSE, BLUE_GREEN_PAUSE = "CanaryPauseStep", "BlueGreenPause"
_SECONDS = {"s": 1, "m": 60, "h": 3600}


def steps_of(rollout: Object) -> list[Object]:
    """The canary's steps; none for blue-green."""
    return list((rollout["spec"]["strategy"].get("canary") or {}).get("steps") or [])


def steps_hash(rollout: Object) -> str:
    """Changes with the steps: those of an old list mean nothing for a new one."""
    text = json.dumps(steps_of(rollout), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def begin(rollout: Object, status: Object, template: str) -> None:
    """Note another template, or other steps: from the first step on, or past the last one on the way back."""
    goes_back = status.get("stableRS") in (None, template)
    if status.get("currentPodHash") != template:
        for field in ("pauseConditions", "controllerPause", "abort", "abortedAt", "promoteFull"):
            status.pop(field, None)
        status["currentPodHash"] = template
        status["currentStepIndex"] = len(steps_of(rollout)) if goes_back else 0
    elif status.get("currentStepHash") != steps_hash(rollout):
        status["currentStepIndex"] = len(steps_of(rollout)) if goes_back else 0
    status["currentStepHash"] = steps_hash(rollout)


def is_stable(status: Object) -> bool:
    """Whether the present template is the one that serves everybody."""
    return bool(status.get("stableRS") == status["currentPodHash"])


def take_steps(rollout: Object, status: Object, *, is_at_weight: bool, now: datetime) -> None:
    """Go past a step that is over, or begin the pause that is due; all of them at once where that was asked for."""
    steps = steps_of(rollout)
    if status.get("abort"):
        _go_on(status)
        status["currentStepIndex"] = 0
        return
    if status.get("promoteFull"):
        _go_on(status)
        status["currentStepIndex"] = len(steps)
    index = status["currentStepIndex"]
    if is_stable(status) or index >= len(steps) or not is_at_weight:
        return
    if "pause" not in steps[index] or _pause_is_over(steps[index]["pause"], status, now):
        # One step a pass: what is there is not yet what the next one wants.
        status["currentStepIndex"] = index + 1


def switch_over(rollout: Object, status: Object, *, is_ready: bool, now: datetime) -> bool:
    """Blue-green: make the new pods the active ones where nobody has to be asked, or somebody has said so."""
    if status.get("abort") or not is_ready:
        return False
    settings = rollout["spec"]["strategy"]["blueGreen"]
    is_first = status.get("stableRS") is None
    if is_first or status.get("promoteFull") or settings.get("autoPromotionEnabled", True) or resumed(status):
        _go_on(status)
        return True
    if not status.get("controllerPause"):
        pause(status, BLUE_GREEN_PAUSE, now)
    return False


def pause(status: Object, reason: str, now: datetime) -> None:
    """Wait from now on for somebody, or for the time to pass."""
    status["pauseConditions"] = [{"reason": reason, "startTime": timestamp(now)}]
    status["controllerPause"] = True


def resumed(status: Object) -> bool:
    """Whether the controller paused, and somebody has taken that back: `resume` removes the conditions alone."""
    return bool(status.get("controllerPause")) and not status.get("pauseConditions")


def _pause_is_over(step: Object, status: Object, now: datetime) -> bool:
    if not status.get("controllerPause"):
        pause(status, CANARY_PAUSE, now)
        return False
    duration, conditions = step.get("duration"), status.get("pauseConditions") or []
    since = datetime.fromisoformat(conditions[0]["startTime"]) if conditions else now
    if conditions and (duration is None or (now - since).total_seconds() < seconds(duration)):
        return False
    _go_on(status)
    return True


def _go_on(status: Object) -> None:
    status.pop("pauseConditions", None)
    status.pop("controllerPause", None)


def seconds(duration: object) -> float:
    """A pause's length: a number of seconds, or a text such as 30s, 10m or 1h."""
    text = str(duration)
    unit = _SECONDS.get(text[-1:])
    return float(text[:-1]) * unit if unit else float(text)


def weight_now(rollout: Object, status: Object) -> int:
    """The share of the new template, in percent, that the present step asks for."""
    steps, index = steps_of(rollout), status["currentStepIndex"]
    if is_stable(status) or status.get("stableRS") is None:
        return 100
    if status.get("abort"):
        return 0
    if index >= len(steps):
        return 100
    weights = [int(step["setWeight"]) for step in steps[: index + 1] if "setWeight" in step]
    return weights[-1] if weights else 0


def canary_sizes(
    replicas: int, weight: int, surge: int, new: Replicas, stable: Replicas | None, others: list[Replicas]
) -> dict[str, int]:
    """The sizes that change now, by ReplicaSet; called again after each change until it is empty.

    New pods come first, as many as `surge` allows; others go as soon as `replicas` ready ones are left.
    """
    wanted = math.ceil(replicas * weight / 100) if stable else replicas
    groups = [(new, wanted), *([(stable, replicas - wanted)] if stable else []), *((other, 0) for other in others)]
    room = replicas + surge - sum(group.wanted for group, _ in groups)
    for group, target in groups:
        if group.wanted < target and room > 0:
            return {group.name: min(target, group.wanted + room)}
    spare = sum(group.ready for group, _ in groups) - replicas
    sizes = {}
    for group, target in reversed(groups):
        unready = max(group.wanted - group.ready, 0)
        gone = min(group.wanted - target, unready + max(spare, 0))
        if gone > 0:
            sizes[group.name] = group.wanted - gone
            spare -= max(gone - unready, 0)
    return sizes


def surge_of(rollout: Object) -> int:
    """How many pods more than wanted may exist while the weight changes; at least one."""
    declared = (rollout["spec"]["strategy"].get("canary") or {}).get("maxSurge", "25%")
    if isinstance(declared, str) and declared.endswith("%"):
        return max(1, math.ceil(replicas_of(rollout) * int(declared.removesuffix("%")) / 100))
    return max(1, int(declared))


def phase_of(rollout: Object, status: Object, counts: Pods, *, timed_out: bool) -> tuple[str, str]:
    """The phase, and why; Argo CD's health is read off them."""
    revision = (rollout["metadata"].get("annotations") or {}).get(REVISION, "1")
    if status.get("abort"):
        return "Degraded", f"RolloutAborted: Rollout aborted update to revision {revision}"
    if timed_out:
        name = f"{rollout['metadata']['name']}-{status['currentPodHash']}"
        return "Degraded", f'ProgressDeadlineExceeded: ReplicaSet "{name}" has timed out progressing.'
    if rollout["spec"].get("paused"):
        return "Paused", "manually paused"
    if conditions := status.get("pauseConditions"):
        return "Paused", conditions[0]["reason"]
    return _running_phase(rollout, status, counts)


def _running_phase(rollout: Object, status: Object, counts: Pods) -> tuple[str, str]:
    is_canary, wanted = "canary" in rollout["spec"]["strategy"], replicas_of(rollout)
    if counts.updated_ready < counts.updated:
        return "Progressing", "updated replicas are still becoming available"
    if not is_stable(status):
        return "Progressing", "waiting for all steps to complete" if is_canary else "active service cutover pending"
    if counts.updated < wanted or counts.updated_ready < wanted:
        return "Progressing", "more replicas need to be updated"
    # Blue-green keeps the old ones for a while, so that the way back is short.
    if is_canary and counts.total > counts.updated:
        return "Progressing", "old replicas are pending termination"
    return "Healthy", ""
