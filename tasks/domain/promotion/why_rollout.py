"""Why what is written already does not serve everybody yet: whose move it is, and what would change it."""

from collections.abc import Sequence

from tasks.domain.delivery.progressive import Progressive
from tasks.domain.promotion.why import Reason
from tasks.domain.rollout.progressive import ProgressiveRollout, way_on
from tasks.domain.rollout.sync_window import ClosedWindow
from tasks.domain.verdict import Verdict


def explain_rollout(
    environment: str,
    live: Verdict,
    closed: ClosedWindow | None,
    paused: Sequence[ProgressiveRollout],
    policy: Progressive,
) -> tuple[Reason, ...]:
    """Empty where it is live; `closed` are Argo CD's windows, `paused` the Argo Rollouts that wait."""
    if live.has_passed:
        return ()
    reasons = [_pause(environment, rollout, policy) for rollout in paused]
    if closed:
        sentence = f"{environment}: a sync window of the Argo CD project keeps the change back {closed}"
        on = "Argo CD applies it then; sooner only where somebody changes the window there"
        reasons.append(Reason(sentence, "time's", on))
    return tuple(reasons) or (Reason(live.reason, "Argo CD's", "look at the application there, or at the run's page"),)


def _pause(environment: str, rollout: ProgressiveRollout, policy: Progressive) -> Reason:
    if rollout.pause_seconds is not None:
        ends = f"it goes on by itself after {rollout.pause_seconds:g} s of pause"
        return Reason(f"{environment}: {rollout}", "time's", ends)
    return Reason(f"{environment}: {rollout}", "a person's, unless its checks are still asked", way_on(rollout, policy))
