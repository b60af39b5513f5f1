"""Argo Rollouts that pause on their way: where they stand, and what follows from what was asked there.

https://argo-rollouts.readthedocs.io/en/stable/features/canary/ and /bluegreen/
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from tasks.domain.delivery.progressive import Progressive
from tasks.domain.rollout.conditions import is_applied
from tasks.domain.rollout.facts import Expectation, Health, Observation
from tasks.domain.verdict import Verdict

Action = Literal["resume", "promote-full", "abort"]


@dataclass(frozen=True, slots=True)
class ProgressiveRollout:
    """One Argo Rollout as it is; `step` counts from 0, and `weight` is the share of the new pods in percent.

    `paused_for` is the controller's reason, empty while it goes on; `pause_seconds` is None where the pause does not
    end by itself.
    """

    namespace: str
    name: str
    template: str
    stable: str
    step: int = 0
    steps: int = 0
    weight: int | None = None
    paused_for: str = ""
    paused_at: datetime | None = None
    pause_seconds: float | None = None

    @property
    def is_paused(self) -> bool:
        """Whether it waits for somebody, or for a time to pass."""
        return bool(self.paused_for)

    @property
    def is_under_way(self) -> bool:
        """Whether what it rolls out does not serve everybody yet."""
        return self.template != self.stable

    @property
    def pause(self) -> tuple[str, str, str, int, datetime | None]:
        """Which pause this is: the next one, and that of the next release, are others."""
        return self.namespace, self.name, self.template, self.step, self.paused_at

    def __str__(self) -> str:
        where = f"at step {self.step + 1} of {self.steps}" if self.steps else "before the switch"
        share = f", {self.weight} % of its pods are new" if self.weight is not None else ""
        return f"Rollout {self.name} has paused {where} ({self.paused_for}{share})"


@dataclass(frozen=True, slots=True)
class Act:
    """Run this action now."""

    action: Action
    reason: str


@dataclass(frozen=True, slots=True)
class Watch:
    """Somebody else goes on: a person, or the controller itself; for at most so many seconds."""

    reason: str
    seconds: float
    needs_a_person: bool = True


def is_paused(expectation: Expectation, look: Observation) -> bool:
    """Whether our image is applied and something waits on the way to it; a sync may well run on meanwhile."""
    return look.status.health is Health.SUSPENDED and is_applied(expectation, look)


def decide_at_pause(
    rollout: ProgressiveRollout, answers: Sequence[Verdict], policy: Progressive, *, is_way_back: bool = False
) -> Act | Watch:
    """What to do at a pause, after every check of the policy has answered.

    The way back takes no steps: what it goes to has served before. It acts only where the policy lets something go on.
    """
    if is_way_back and policy.when_passed != "wait":
        return Act("promote-full", f"{rollout}; on the way back nothing is tried out")
    bad = [answer.reason for answer in answers if not answer.has_passed]
    if bad and policy.when_failed == "abort":
        return Act("abort", f"{rollout}, and a check there failed: {'; '.join(bad)}")
    if bad:
        return Watch(
            f"{rollout}, and a check there failed: {'; '.join(bad)}; {_hint(rollout, policy)}", policy.pause_seconds
        )
    said = f"; {'; '.join(answer.reason for answer in answers)}" if answers else ""
    if rollout.pause_seconds is not None and policy.when_passed != "promote-full":
        reason = f"{rollout}{said}; it goes on by itself after {rollout.pause_seconds:g} s"
        return Watch(reason, policy.pause_seconds, needs_a_person=False)
    if policy.when_passed == "wait":
        return Watch(f"{rollout}{said}; {_hint(rollout, policy)}", policy.pause_seconds)
    return Act(policy.when_passed, f"{rollout}{said}")


def wait_for_a_person(rollout: ProgressiveRollout, problem: str, policy: Progressive) -> Watch:
    """What remains where the action is not ours to run."""
    return Watch(f"{rollout}; {problem}; until then, {_hint(rollout, policy)}", policy.pause_seconds)


def way_on(rollout: ProgressiveRollout, policy: Progressive) -> str:
    """How a person ends its pause."""
    there = f"in Argo CD, run the action resume, promote-full or abort of Rollout {rollout.name}"
    here = f", or `tidegate rollout {'|'.join(policy.by_hand)}`" if policy.by_hand else ""
    return there + here


def _hint(rollout: ProgressiveRollout, policy: Progressive) -> str:
    return f"a person goes on: {way_on(rollout, policy)}"
