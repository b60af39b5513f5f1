"""What a rollout must show before it counts: the first condition that one look does not meet, as a sentence.

The conditions are ordered as they come true, so that the first unmet one is what everything waits for.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from tasks.domain.delivery.rollout import MustBeSynced
from tasks.domain.image import ImageReference
from tasks.domain.rollout.facts import Expectation, Health, Observation, Sync, Workloads
from tasks.domain.rollout.images import old_pods, others, our_pods, runs
from tasks.domain.rollout.verdict import RolloutKind

_MOST_NAMES = 5


@dataclass(frozen=True, slots=True)
class Unmet:
    """A condition that does not hold, and how many seconds after the push it must."""

    kind: RolloutKind
    sentence: str
    within_seconds: int


def first_unmet(expectation: Expectation, look: Observation) -> Unmet | None:
    """None where everything holds that one look can show."""
    return next((unmet for condition in _CONDITIONS if (unmet := condition(expectation, look))), None)


def elapsed_seconds(expectation: Expectation, looks: Sequence[Observation], unmet: Unmet) -> float:
    """How much of its time the unmet condition has had; while a sync window was closed no other one could come true."""
    began = expectation.pushed_at
    if unmet.kind is not RolloutKind.SYNC_WINDOW:
        began = max((look.at for look in looks if look.is_kept_back), default=began)
    return (looks[-1].at - began).total_seconds()


def is_applied(expectation: Expectation, look: Observation) -> bool:
    """Whether the live objects name our image, so that their health is the health of our change."""
    return look.contains is True and look.workloads is not None and runs(look.workloads.live, expectation.image)


def is_synced(look: Observation, image: ImageReference, must_be_synced: MustBeSynced) -> bool:
    """Whether all is live as git has it, or, where only the workloads have to be, those that name the image."""
    if look.status.sync is Sync.OUT_OF_SYNC and must_be_synced == "workloads" and look.workloads is not None:
        ours = {name for name, images in look.workloads.images_of if runs(images, image)}
        return not ours.intersection(one.name for one in look.status.out_of_sync)
    return look.status.sync is Sync.SYNCED


def short(revision: str | None) -> str:
    """A commit as people quote it."""
    return revision[:7] if revision else "no commit"


def _is_rendered(expectation: Expectation, look: Observation) -> Unmet | None:
    errors = [c for c in look.status.conditions if c.is_render_error]
    if not errors:
        return None
    sentence = f"Argo CD cannot render {short(expectation.revision)}: {errors[0].type}: {errors[0].message}"
    return Unmet(RolloutKind.RENDERING, sentence, expectation.timeouts.sync_seconds)


def _is_detected(expectation: Expectation, look: Observation) -> Unmet | None:
    if look.contains:
        return None
    seen, ours = short(look.status.revision), short(expectation.revision)
    sentence = f"Argo CD sees {seen}, not yet {ours}"
    if look.contains is None and look.status.revision:
        sentence = f"it cannot be told whether {seen}, which Argo CD sees, contains {ours}"
    if look.status.note:
        sentence += f"; {look.status.note}"
    # Said only when a webhook or a refresh should have shown by now.
    is_late = (look.at - expectation.pushed_at).total_seconds() > expectation.timeouts.detect_seconds / 4
    compared = look.status.reconciled_at
    if is_late and (compared is None or compared < expectation.pushed_at - timedelta(seconds=1)):
        sentence += "; it has not compared since the push: look whether its controller runs and reconciles it"
    return Unmet(RolloutKind.DETECTION, sentence, expectation.timeouts.detect_seconds)


def _is_desired(expectation: Expectation, look: Observation) -> Unmet | None:
    workloads = look.workloads or Workloads()
    within = expectation.timeouts.sync_seconds
    if not runs(workloads.desired, expectation.image):
        sentence = f"what Argo CD renders from {short(look.status.revision)} does not name {expectation.image}"
        sentence += f"; {look.status.note}" if look.status.note else ""
        return Unmet(RolloutKind.MANIFESTS, sentence, within)
    if wrong := others(workloads.desired, expectation.image):
        sentence = f"what Argo CD renders also names {wrong[0]}; give every workload of this repository the same digest"
        return Unmet(RolloutKind.MANIFESTS, sentence, within)
    return None


def _is_allowed(expectation: Expectation, look: Observation) -> Unmet | None:
    if not look.is_kept_back:
        return None
    until = f" {look.window}" if look.window else ""
    sentence = f"a sync window of the Argo CD project keeps the change back{until}; wait for it to pass, or change it"
    return Unmet(RolloutKind.SYNC_WINDOW, sentence, expectation.timeouts.window_seconds)


def _has_no_operation(expectation: Expectation, look: Observation) -> Unmet | None:
    operation = look.status.operation
    if operation is None or operation.is_over:
        return None
    sentence = f"the sync of {short(operation.revision)} is {operation.phase.lower()}"
    if operation.message:
        sentence += f": {operation.message}"
    if look.operation_contains is False and operation.retries:
        sentence += f"; it retries an older commit than {short(expectation.revision)}: terminate it in Argo CD"
    return Unmet(RolloutKind.OPERATION, sentence, expectation.timeouts.sync_seconds)


def _is_synced(expectation: Expectation, look: Observation) -> Unmet | None:
    status, operation = look.status, look.status.operation
    within = expectation.timeouts.sync_seconds
    if operation and operation.has_failed and look.operation_contains is not False:
        return Unmet(RolloutKind.OPERATION, f"the sync failed: {operation.message}", within)
    # Without auto-sync the next foreign commit makes it OutOfSync again, though ours was applied.
    by_hand = not status.auto_sync and operation is not None and look.operation_contains is True
    if not is_synced(look, expectation.image, expectation.must_be_synced) and not by_hand:
        sentence = f"{short(status.revision)} is {status.sync} and no sync runs; {_who_syncs(look)}"
        return Unmet(RolloutKind.SYNC, sentence, within)
    errors = [c for c in status.conditions if c.is_error]
    return Unmet(RolloutKind.SYNC, f"{errors[0].type}: {errors[0].message}", within) if errors else None


def _who_syncs(look: Observation) -> str:
    left = look.status.out_of_sync
    names = ", ".join(one.name for one in left[:_MOST_NAMES]) + (", ..." if len(left) > _MOST_NAMES else "")
    if left and all(one.to_prune for one in left):
        return f"only what git has no longer is left ({names}): have it pruned, or delete it in Argo CD"
    if look.status.auto_sync:
        return f"auto-sync should start one{f' for {names}' if names else ''}: sync it by hand in Argo CD"
    if look.status.owned_by_application_set:
        return "its ApplicationSet or a person has to start one"
    return "one is asked for"


def _is_live(expectation: Expectation, look: Observation) -> Unmet | None:
    live = (look.workloads or Workloads()).live
    wrong = others(live, expectation.image)
    if runs(live, expectation.image) and not wrong:
        return None
    sentence = f"the live objects name {wrong[0] if wrong else 'no such image'}, not {expectation.image}"
    return Unmet(RolloutKind.LIVE_STATE, sentence, expectation.timeouts.sync_seconds)


def _is_fresh(expectation: Expectation, look: Observation) -> Unmet | None:
    finished = look.status.operation.finished_at if look.status.operation else None
    compared = look.status.reconciled_at
    if finished is None or (compared is not None and compared >= finished):
        return None
    sentence = "the health that Argo CD shows is older than its sync; waiting for its next comparison"
    return Unmet(RolloutKind.FRESHNESS, sentence, expectation.timeouts.healthy_seconds)


def _is_healthy(expectation: Expectation, look: Observation) -> Unmet | None:
    status = look.status
    # The application's health may not know yet of a pod that cannot start.
    troubled, failing = _troubled(expectation, look)
    if status.health is Health.HEALTHY and not failing:
        return None
    details = [*status.unhealthy, *troubled] or [status.health_message]
    sentence = "; ".join([f"it is {status.health}", *(d for d in details if d)])
    if status.health is Health.SUSPENDED:
        sentence += "; it goes on when somebody resumes it in Argo CD"
        return Unmet(RolloutKind.SUSPENDED, sentence, expectation.timeouts.healthy_seconds)
    return Unmet(RolloutKind.HEALTH, sentence, expectation.timeouts.healthy_seconds)


def _troubled(expectation: Expectation, look: Observation) -> tuple[list[str], bool]:
    """What the pods that are not healthy say, and whether one of them cannot start."""
    pods = our_pods(look.workloads or Workloads(), expectation.image)
    troubled = [pod for pod in pods if pod.health is not Health.HEALTHY or pod.is_failing]
    said = [f"pod {pod.name}: {pod.reason}" + (f" ({pod.message})" if pod.message else "") for pod in troubled]
    return said, any(pod.is_failing for pod in pods)


def _has_no_old_pods(expectation: Expectation, look: Observation) -> Unmet | None:
    old = old_pods(look.workloads or Workloads(), expectation.image)
    if not old:
        return None
    sentence = f"pod {old[0].name} still runs {others(old[0].images, expectation.image)[0]}"
    return Unmet(RolloutKind.OLD_PODS, sentence, expectation.timeouts.healthy_seconds)


_CONDITIONS: tuple[Callable[[Expectation, Observation], Unmet | None], ...] = (
    _is_rendered,
    _is_detected,
    _is_desired,
    _is_allowed,
    _has_no_operation,
    _is_synced,
    _is_live,
    _is_fresh,
    _is_healthy,
    _has_no_old_pods,
)
