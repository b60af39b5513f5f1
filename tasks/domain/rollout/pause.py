"""How long to wait before the next look at a rollout.

Somebody who watches Argo CD's event stream is woken by what changes, and looks by himself only for what no event tells:
pods that cannot start, refreshes that were dropped, and time limits.
"""

from datetime import datetime

from tasks.domain.delivery.rollout import RolloutTimeouts
from tasks.domain.rollout.conditions import elapsed_seconds, first_unmet
from tasks.domain.rollout.facts import Expectation
from tasks.domain.rollout.failures import Looks
from tasks.domain.rollout.sync_window import ClosedWindow
from tasks.domain.rollout.verdict import RolloutKind

_SHORTEST_SECONDS = 0.5
_LONGEST_BETWEEN_REFRESHES_SECONDS = 15.0
_LONGEST_AT_A_WINDOW_SECONDS = 300.0
# Every change of these shows in the Application, or is a change of time.
_TOLD_BY_EVENTS = {RolloutKind.OPERATION, RolloutKind.SYNC, RolloutKind.SUSPENDED}
_NEEDS_REFRESHES = {RolloutKind.DETECTION, RolloutKind.RENDERING, RolloutKind.MANIFESTS, RolloutKind.FRESHNESS}


def slow_seconds(timeouts: RolloutTimeouts) -> float:
    """The pause between two looks of somebody who is told of changes."""
    return 6 * timeouts.poll_seconds


def refresh_seconds(timeouts: RolloutTimeouts) -> float:
    """The pause between two requests for a comparison with git."""
    return min(_LONGEST_BETWEEN_REFRESHES_SECONDS, 3 * timeouts.poll_seconds)


def shortest_seconds(timeouts: RolloutTimeouts) -> float:
    """The pause that is kept whatever happens: events come in bursts."""
    return min(_SHORTEST_SECONDS, timeouts.poll_seconds)


def decide_pause(expectation: Expectation, looks: Looks, kind: RolloutKind, *, polled: float, watches: bool) -> float:
    """Seconds until the next look, at least the shortest; `polled` is the pause of somebody whom nobody wakes."""
    if not watches or not looks:
        return polled
    timeouts, shortest = expectation.timeouts, shortest_seconds(expectation.timeouts)
    slow = slow_seconds(timeouts)
    if kind is RolloutKind.SETTLING:
        return max(shortest, min(slow, timeouts.settle_seconds))
    if kind in _NEEDS_REFRESHES:
        return max(shortest, min(slow, refresh_seconds(timeouts)))
    left = _until_it_has_failed(expectation, looks)
    if kind in _TOLD_BY_EVENTS:
        return max(shortest, left)
    if kind is RolloutKind.SYNC_WINDOW:
        return max(shortest, min(left, _until_it_opens(looks[-1].window, looks[-1].at)))
    # A pod that cannot start is seen at least twice within the time that it is put up with.
    return max(shortest, min(slow, left, timeouts.degraded_grace_seconds / 2 or slow))


def _until_it_opens(window: ClosedWindow | None, at: datetime) -> float:
    # Where nobody syncs by himself nothing tells that it has opened; nor that somebody has changed it.
    left = (window.until - at).total_seconds() if window and window.until else _LONGEST_AT_A_WINDOW_SECONDS
    return min(left, _LONGEST_AT_A_WINDOW_SECONDS)


def _until_it_has_failed(expectation: Expectation, looks: Looks) -> float:
    unmet = first_unmet(expectation, looks[-1])
    return unmet.within_seconds - elapsed_seconds(expectation, looks, unmet) if unmet else 0.0
