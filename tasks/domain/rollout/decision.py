"""Has the change reached the environment? A verdict from what was expected and every look since.

A rollout is confirmed by ancestry and digest: "Synced and Healthy" alone is also true of the release before.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from tasks.domain.delivery.rollout import MustBeSynced
from tasks.domain.image import ImageReference
from tasks.domain.rollout.conditions import elapsed_seconds, first_unmet, is_synced, short
from tasks.domain.rollout.evidence import describe
from tasks.domain.rollout.facts import Expectation, Health, Observation, Workloads
from tasks.domain.rollout.failures import Looks, find_failure, trailing
from tasks.domain.rollout.images import others, runs
from tasks.domain.rollout.verdict import RolloutKind, RolloutVerdict
from tasks.domain.verdict import Verdict, failed, passed, pending


def decide_rollout(expectation: Expectation, looks: Looks) -> RolloutVerdict:
    """Confirmed, failed, superseded or what is waited for; `looks` are oldest first.

    Confirmed means: every condition held in at least two looks that lie `settle_seconds` or more apart, without a
    break, a new sync or a change of health between them.
    """
    if not looks:
        return _answer(expectation, pending("Argo CD was not asked yet"), RolloutKind.DETECTION)
    look = looks[-1]
    if look.superseded_by is not None:
        reason = f"superseded: commit {short(look.status.revision)} wants {look.superseded_by}"
        return _answer(expectation, failed(reason), RolloutKind.SUPERSEDED, looks)
    if failure := find_failure(expectation, looks):
        return _answer(expectation, failed(failure[1]), failure[0], looks)
    if unmet := first_unmet(expectation, look):
        elapsed = elapsed_seconds(expectation, looks, unmet)
        # One look may be stale; a run that starts again late looks twice before it gives up.
        if elapsed <= unmet.within_seconds or len(looks) < 2:
            return _answer(expectation, pending(unmet.sentence), unmet.kind, looks)
        reason = f"not rolled out {elapsed:.0f} s after the push (at most {unmet.within_seconds} s): {unmet.sentence}"
        return _answer(expectation, failed(reason), RolloutKind.TIMED_OUT, looks)
    return _settled(expectation, looks)


def _settled(expectation: Expectation, looks: Looks) -> RolloutVerdict:
    same = _identity(looks[-1])
    good = trailing(looks, lambda look: _identity(look) == same and first_unmet(expectation, look) is None)
    settle = expectation.timeouts.settle_seconds
    if len(good) >= 2 and (good[-1].at - good[0].at).total_seconds() >= settle:
        reason = f"runs {expectation.image.short_digest} of {short(expectation.revision)}, Synced and Healthy"
        return _answer(expectation, passed(reason), RolloutKind.CONFIRMED, looks)
    # Counted from the first look, not the push: a run that starts again late has to see it settle as well.
    timeouts = expectation.timeouts
    longest = timeouts.healthy_seconds + 2 * (settle + timeouts.poll_seconds)
    if (looks[-1].at - looks[0].at).total_seconds() > longest:
        reason = f"not rolled out: its health or its sync changes again and again, it never stays for {settle} s"
        return _answer(expectation, failed(reason), RolloutKind.TIMED_OUT, looks)
    reason = f"everything is as it should be; it has to stay so for {settle} s"
    return _answer(expectation, pending(reason), RolloutKind.SETTLING, looks)


def _identity(look: Observation) -> tuple[datetime | None, datetime | None]:
    """What must not change while it settles: a flap between two looks shows only in these times."""
    operation = look.status.operation
    return look.status.health_since, operation.started_at if operation else None


def _answer(expectation: Expectation, verdict: Verdict, kind: RolloutKind, looks: Looks = ()) -> RolloutVerdict:
    sentence = f"{expectation.environment}: {verdict.reason}"
    return RolloutVerdict(Verdict(verdict.outcome, sentence), kind, describe(expectation, looks) if looks else ())


# Argo CD compares every two to three minutes by itself; the rest is for clocks that differ.
_STALE_SECONDS = 600


def decide_environment_still_healthy(
    environment: str, image: ImageReference, look: Observation, must_be_synced: MustBeSynced = "application"
) -> Verdict:
    """Does the environment run this image right now, Synced and Healthy? Any commit will do.

    For the moment before production is written, hours after the rollout was confirmed. Pending means that something
    moves: look again. `look.workloads` must have been looked at.
    """
    status, workloads = look.status, look.workloads or Workloads()
    operation = status.operation
    ours, wrong = image.short_digest, [*others(workloads.desired, image), *others(workloads.live, image)]
    if status.health in {Health.DEGRADED, Health.MISSING, Health.SUSPENDED}:
        details = "; ".join(status.unhealthy) or status.health_message
        return failed(f"{environment}: it is {status.health}{': ' if details else ''}{details}")
    if wrong or not runs(workloads.desired, image) or not runs(workloads.live, image):
        return failed(f"{environment}: it runs {wrong[0] if wrong else 'another image'}, no longer {ours}")
    if errors := [c for c in status.conditions if c.is_error]:
        return failed(f"{environment}: {errors[0].type}: {errors[0].message}")
    if status.reconciled_at is None or (look.at - status.reconciled_at).total_seconds() > _STALE_SECONDS:
        return pending(f"{environment}: Argo CD has not looked at it for a while; look whether its controller runs")
    if operation and not operation.is_over:
        return pending(f"{environment}: a sync is {operation.phase.lower()} {operation.message}".rstrip())
    if status.health is not Health.HEALTHY:
        return pending(f"{environment}: it is {status.health}")
    if not is_synced(look, image, must_be_synced) and status.auto_sync:
        return pending(f"{environment}: it is {status.sync}")
    return passed(f"{environment}: runs {ours}, Synced and Healthy")


class Refresh(StrEnum):
    """What Argo CD is asked for: to compare with git again, or also to render everything anew."""

    NORMAL = "normal"
    HARD = "hard"


_HEALED_BY_REFRESH = {RolloutKind.DETECTION, RolloutKind.RENDERING, RolloutKind.MANIFESTS, RolloutKind.FRESHNESS}
_NORMAL_BEFORE_HARD = 3


def decide_refresh(
    kind: RolloutKind, asked: Sequence[tuple[datetime, Refresh]], at: datetime, *, every_seconds: float
) -> Refresh | None:
    """Which refresh to ask for now, after those asked for so far; the first look always asks.

    Requests that arrive during a comparison are dropped by Argo CD up to 3.5 (argo-cd issue 28306), so they are
    repeated; after three that changed nothing its cached manifests are dropped, once, for that is expensive.
    """
    if not asked:
        return Refresh.NORMAL
    if kind not in _HEALED_BY_REFRESH or (at - asked[-1][0]).total_seconds() < every_seconds:
        return None
    if len(asked) >= _NORMAL_BEFORE_HARD and all(refresh is Refresh.NORMAL for _, refresh in asked):
        return Refresh.HARD
    return Refresh.NORMAL
