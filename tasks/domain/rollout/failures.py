"""Signs that a rollout will not succeed, long before its time is over."""

from collections.abc import Callable
from datetime import datetime, timedelta

from tasks.domain.rollout.conditions import is_applied, short
from tasks.domain.rollout.facts import (
    CRASH_REASONS,
    PULL_REASONS,
    Condition,
    Expectation,
    Health,
    Observation,
    Pod,
    Workloads,
)
from tasks.domain.rollout.images import our_pods
from tasks.domain.rollout.verdict import RolloutKind

_RESTARTS_OF_A_CRASH_LOOP = 3
_LOOKS_AT_A_RENDER_ERROR = 3

Looks = tuple[Observation, ...]


def find_failure(expectation: Expectation, looks: Looks) -> tuple[RolloutKind, str] | None:
    """The kind and the sentence of a failure that waiting does not heal; `looks` are oldest first, at least one."""
    return next((failure for sign in _SIGNS if (failure := sign(expectation, looks))), None)


def trailing(looks: Looks, holds: Callable[[Observation], bool]) -> Looks:
    """The looks at the end, oldest first, in which something held without a break."""
    count = next((i for i, look in enumerate(reversed(looks)) if not holds(look)), len(looks))
    return looks[len(looks) - count :]


def _render_failed(expectation: Expectation, looks: Looks) -> tuple[RolloutKind, str] | None:
    def is_ours(condition: Condition) -> bool:
        # An error from before the push is not the change's fault; if it stays, the time limit names it.
        return condition.is_render_error and (condition.since is None or condition.since >= _since_push(expectation))

    seen = trailing(looks, lambda look: any(is_ours(c) for c in look.status.conditions))
    # A restarting repository server gives one or two such errors.
    if len(seen) < _LOOKS_AT_A_RENDER_ERROR or not _has_lasted(expectation, seen):
        return None
    error = next(c for c in looks[-1].status.conditions if is_ours(c))
    return RolloutKind.RENDER_FAILED, (
        f"Argo CD cannot render {short(expectation.revision)}: {error.type}: {error.message}; correct the manifests"
    )


def _since_push(expectation: Expectation) -> datetime:
    # Clocks differ, and Argo CD may be quicker than whoever takes the time of the push.
    return expectation.pushed_at - timedelta(seconds=5)


def _sync_failed(_expectation: Expectation, looks: Looks) -> tuple[RolloutKind, str] | None:
    look = looks[-1]
    operation = look.status.operation
    if operation is None or not operation.has_failed or not look.operation_contains:
        return None
    # Auto-sync tries every commit once more, never the same one: a newer commit may still heal it.
    if look.status.auto_sync and operation.revision != look.status.revision:
        return None
    details = "; ".join([operation.message, *operation.failures])
    return RolloutKind.SYNC_FAILED, (
        f"the sync of {short(operation.revision)} failed: {details}; correct the cause, then sync it in Argo CD"
    )


def _pod_failed(expectation: Expectation, looks: Looks) -> tuple[RolloutKind, str] | None:
    grace = expectation.timeouts.degraded_grace_seconds
    for pod in our_pods(looks[-1].workloads or Workloads(), expectation.image):
        if not pod.is_failing or len(seen := _sightings(pod, expectation, looks)) < 2:
            continue
        seconds = (seen[-1] - seen[0]).total_seconds()
        # Something that starts before what it needs may crash once or twice and then stand.
        needed = (
            grace if pod.restarts >= _RESTARTS_OF_A_CRASH_LOOP or pod.bare_reason not in CRASH_REASONS else 2 * grace
        )
        if seconds >= needed:
            return RolloutKind.POD_FAILED, _pod_sentence(pod, seconds)
    return None


def _sightings(pod: Pod, expectation: Expectation, looks: Looks) -> list[datetime]:
    """When the pod was seen failing since it was last healthy, oldest first; between two crashes it looks alive."""
    times: list[datetime] = []
    for look in reversed(looks):
        same = [p for p in our_pods(look.workloads or Workloads(), expectation.image) if p.name == pod.name]
        if not same or same[0].health is Health.HEALTHY:
            break
        if same[0].is_failing:
            times.insert(0, look.at)
    return times


def _pod_sentence(pod: Pod, seconds: float) -> str:
    advice = "look at its logs in Argo CD"
    if pod.bare_reason in PULL_REASONS:
        advice = "look whether the registry holds the image and the cluster may pull it"
    detail = f" ({pod.message})" if pod.message else ""
    return f"pod {pod.name}: {pod.reason} since {seconds:.0f} s{detail}; {advice}"


def _aborted(expectation: Expectation, looks: Looks) -> tuple[RolloutKind, str] | None:
    aborted = [text for text in looks[-1].status.unhealthy if "RolloutAborted" in text]
    if not aborted or not is_applied(expectation, looks[-1]):
        return None
    return RolloutKind.ABORTED, f"{aborted[0]}; look at its analysis in Argo CD"


def _degraded(expectation: Expectation, looks: Looks) -> tuple[RolloutKind, str] | None:
    seen = trailing(looks, lambda look: look.status.health is Health.DEGRADED and is_applied(expectation, look))
    if len(seen) < 2 or not _has_lasted(expectation, seen):
        return None
    status = looks[-1].status
    details = "; ".join(status.unhealthy) or status.health_message or "look at its resources in Argo CD"
    return RolloutKind.DEGRADED, f"it is Degraded since {_seconds(seen):.0f} s: {details}"


def _missing(expectation: Expectation, looks: Looks) -> tuple[RolloutKind, str] | None:
    def is_gone(look: Observation) -> bool:
        operation = look.status.operation
        applied = operation is not None and operation.is_over and look.operation_contains is True
        return look.status.health is Health.MISSING and applied

    seen = trailing(looks, is_gone)
    if len(seen) < 2 or not _has_lasted(expectation, seen):
        return None
    return RolloutKind.MISSING, (
        f"its objects are missing since {_seconds(seen):.0f} s, though the sync succeeded; look who deletes them"
    )


def _has_lasted(expectation: Expectation, seen: Looks) -> bool:
    return _seconds(seen) >= expectation.timeouts.degraded_grace_seconds


def _seconds(seen: Looks) -> float:
    return (seen[-1].at - seen[0].at).total_seconds()


# Pods first: their reasons say more than the Degraded that follows from them.
_SIGNS = (_render_failed, _sync_failed, _pod_failed, _aborted, _degraded, _missing)
