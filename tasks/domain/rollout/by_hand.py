"""A person takes an Argo Rollout on, or ends it, through Tidegate: whether that may be, and the record of it.

The record is an empty commit in the GitOps repository, as of everything else that people decide there.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.domain.delivery.progressive import Progressive
from tasks.domain.errors import ConfigurationError
from tasks.domain.promotion.history import one_line
from tasks.domain.rollout.progressive import Action, ProgressiveRollout

_DOES: dict[Action, str] = {"resume": "Resume", "promote-full": "Finish at once", "abort": "Abort"}


@dataclass(frozen=True, slots=True)
class NotByHand:
    """Nothing is done, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class ByHand:
    """One action on one Rollout as it stood; `by` is somebody's word. Raises ConfigurationError without a reason."""

    application: str
    environment: str
    action: Action
    rollout: ProgressiveRollout
    by: str
    reason: str

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise ConfigurationError("the reason is empty; say in a sentence why, it is kept in the commit")


def decide_by_hand(
    action: Action, policy: Progressive, environment: str, rollouts: Sequence[ProgressiveRollout]
) -> tuple[ProgressiveRollout, ...] | NotByHand:
    """The Rollouts to act on; `rollouts` are all that the environment has, as they are now."""
    if action not in policy.by_hand:
        return NotByHand(
            f"nobody may {action} by Tidegate in {environment}; add {action} to `by-hand` of its `progressive`, or do "
            "it in Argo CD"
        )
    if not rollouts:
        return NotByHand(f"{environment} has no Argo Rollout: what it runs is rolled out at once")
    chosen = tuple(one for one in rollouts if (one.is_paused if action == "resume" else one.is_under_way))
    if chosen:
        return chosen
    names = ", ".join(one.name for one in rollouts)
    missing = "pauses" if action == "resume" else "is on its way: what is there serves everybody"
    return NotByHand(f"nothing of {names} in {environment} {missing}")


def by_hand_message(done: ByHand) -> str:
    """The commit message; no text in it can pass for another trailer."""
    rollout = done.rollout
    since = f" since {rollout.paused_at.isoformat()}" if rollout.paused_at else ""
    trailers = (
        ("Application", done.application),
        ("Environment", done.environment),
        ("Rollout-Action", done.action),
        ("Rollout", one_line(f"{rollout.name} {rollout.template} step {rollout.step + 1}{since}")),
        ("By", one_line(done.by)),
        ("Reason", one_line(done.reason)),
    )
    subject = f"{_DOES[done.action]} the rollout of {done.application} in {done.environment}"
    return f"{subject}\n\n" + "".join(f"Tidegate-{name}: {value}\n" for name, value in trailers)
