"""Whether an environment may be changed at a moment, and when next: from its deployment windows and freezes.

Every time is compared as an instant: a time zone only says which instant a clock on the wall means.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from tasks.domain.delivery.window import DeploymentWindow, Freeze
from tasks.domain.rollout.sync_window import ClosedWindow

_DAY = timedelta(days=1)
# Some 29 February comes within eight years, even around a century.
_MOST_DAYS = 8 * 366 + 1


@dataclass(frozen=True, slots=True)
class Open:
    """It may be changed now."""


@dataclass(frozen=True, slots=True)
class Closed:
    """Not now; `until` is the next moment at which it is open, None where there is none."""

    reason: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class KeptBack:
    """Argo CD would not apply a change now; `until` is when it is looked at again, None where that never helps."""

    reason: str
    until: datetime | None
    may_be_waited_for: bool


def decide_kept_back(window: ClosedWindow, longest_seconds: int, now: datetime) -> KeptBack:
    """What a closed sync window means for a promotion that waits for it so long at most."""
    reason = f"a sync window of the Argo CD project keeps changes back {window}"
    if window.until is None:
        return KeptBack(reason, None, may_be_waited_for=False)
    if (window.until - now).total_seconds() <= longest_seconds:
        return KeptBack(reason, window.until, may_be_waited_for=True)
    late = f"{reason}, which is more than the {longest_seconds} s of `window-seconds` away"
    return KeptBack(late, window.until, may_be_waited_for=False)


def decide_opening(
    environment: str, windows: Sequence[DeploymentWindow], freezes: Sequence[Freeze], now: datetime
) -> Open | Closed:
    """A freeze outweighs every window; without windows it is always open. `now` has a time zone."""
    mine = tuple(freeze for freeze in freezes if freeze.holds_in(environment))
    frozen = _frozen(mine, now)
    if frozen is None and _is_open(windows, now):
        return Open()
    until = _next_opening(windows, mine, now)
    zone = frozen.zone if frozen else windows[0].zone
    why = f"freeze until {_shown(frozen.end, zone)}: {frozen.reason}" if frozen else _outside(windows)
    when = f"until {_shown(until, zone)}" if until else "for good, as far as its windows say"
    return Closed(f"{environment} is closed {when} ({why})", until)


def _frozen(freezes: Sequence[Freeze], at: datetime) -> Freeze | None:
    """Of those that hold at this moment the one that ends last."""
    held = [freeze for freeze in freezes if _instant(freeze.start) <= _instant(at) < _instant(freeze.end)]
    return max(held, key=lambda freeze: _instant(freeze.end), default=None)


def _is_open(windows: Sequence[DeploymentWindow], at: datetime) -> bool:
    return not windows or any(_has_opened(window, at) for window in windows)


def _has_opened(window: DeploymentWindow, at: datetime) -> bool:
    length = timedelta(seconds=window.open_seconds)
    # A day earlier and later, for the day there may be another one than where `at` was measured.
    first = (_instant(at) - length).date() - _DAY
    days = (_instant(at).date() + _DAY - first).days + 1
    return any(_instant(at) - length < opening <= _instant(at) for opening in _openings(window, first, days))


def _next_opening(windows: Sequence[DeploymentWindow], freezes: Sequence[Freeze], now: datetime) -> datetime | None:
    at = _instant(now)
    # Each freeze can only be passed once; between two of them at most one opening is looked for.
    for _ in range(2 * len(freezes) + 2):
        if frozen := _frozen(freezes, at):
            at = _instant(frozen.end)
        elif _is_open(windows, at):
            return at
        else:
            following = [opening for window in windows if (opening := _first_after(window, at))]
            if not following:
                return None
            at = min(following)
    return None


def _first_after(window: DeploymentWindow, at: datetime) -> datetime | None:
    return next((opening for opening in _openings(window, at.date() - _DAY, _MOST_DAYS) if opening > at), None)


def _openings(window: DeploymentWindow, first: date, days: int) -> Iterator[datetime]:
    """The instants at which it opens on these days of its zone, in order."""
    zone, schedule = ZoneInfo(window.zone), window.schedule
    for number in range(days):
        day = first + number * _DAY
        # Where the clock jumps over a time, zoneinfo goes on with the offset before: as much later. Where it shows a
        # time twice, fold=0 is the first (https://docs.python.org/3/library/zoneinfo.html).
        yield from sorted(_instant(datetime.combine(day, time, zone)) for time in schedule.times_on(day))


def _instant(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


def _outside(windows: Sequence[DeploymentWindow]) -> str:
    told = (f"'{window.opens}' {window.zone} for {_hours(window.open_seconds)}" for window in windows)
    return f"outside its deployment windows: {', '.join(told)}"


def _hours(seconds: int) -> str:
    return f"{seconds / 3600:g} h" if seconds >= 3600 else f"{seconds / 60:g} min"


def _shown(moment: datetime, zone: str) -> str:
    return f"{moment.astimezone(ZoneInfo(zone)):%a %Y-%m-%d %H:%M} {zone}"
