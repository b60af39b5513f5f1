"""Until when the sync windows of an Argo CD project keep a change back, and which of them do.

That they do is Argo CD's word; only the time is worked out here, from what is told of the windows.
https://argo-cd.readthedocs.io/en/stable/user-guide/sync_windows/
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tasks.domain.delivery.cron import Schedule, parse_cron

_DAY = timedelta(days=1)
_HORIZON = 366 * _DAY
# Windows that follow on each other without a gap are passed one by one.
_MOST_WINDOWS_ON_THE_WAY = 400
_LONGEST_JUMP = timedelta(hours=3)
# Where it is not known when it opens, that is looked at again.
_LOOK_AGAIN = timedelta(minutes=15)
_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?")


@dataclass(frozen=True, slots=True)
class SyncWindow:
    """One window that is for the application, in Argo CD's own words; `zone` is None where nobody says which."""

    kind: Literal["allow", "deny"]
    schedule: str
    duration: str
    by_hand: bool = False
    zone: str | None = None
    description: str = ""

    def __str__(self) -> str:
        zone = self.zone or "in a time zone that only `projects, get` on the project tells"
        told = f"{self.kind} '{self.schedule}' {zone} for {self.duration}"
        return f"{told} ({self.description})" if self.description else told


@dataclass(frozen=True, slots=True)
class ClosedWindow:
    """A change is kept back until then, None where that never ends; with `is_guess` it may be earlier or later."""

    windows: tuple[str, ...] = ()
    until: datetime | None = None
    is_guess: bool = False

    def __str__(self) -> str:
        why = f" ({'; '.join(self.windows)})" if self.windows else ""
        if self.is_guess:
            return f"until a time that is not known{why}"
        return (f"until {self.until:%a %Y-%m-%d %H:%M} UTC" if self.until else "for good, as its schedule says") + why


def latest(windows: Sequence[ClosedWindow]) -> ClosedWindow | None:
    """Of those of several applications the one that is waited for longest; None where there is none."""
    return max(windows, key=lambda window: window.until or datetime.max.replace(tzinfo=UTC), default=None)


def decide_closing(windows: Sequence[SyncWindow], now: datetime, *, auto_sync: bool) -> ClosedWindow:
    """For windows of which Argo CD says that they keep a sync back at this moment; `now` has a time zone."""
    deny, allow = _that_count(windows, auto_sync=auto_sync)
    try:
        read = [_Reading.of(window) for window in (*deny, *allow)]
    except (ValueError, ZoneInfoNotFoundError, OSError):
        return ClosedWindow(_named((*deny, *allow)), now + _LOOK_AGAIN, is_guess=True)
    denying, allowing = read[: len(deny)], read[len(deny) :]
    active = [window for window, reading in zip(deny, denying, strict=True) if reading.end(now)]
    until = _next_opening(denying, allowing, now.astimezone(UTC))
    if until is not None and until <= now:
        # Argo CD counts in another way, or its clock is behind.
        return ClosedWindow(_named((*deny, *allow)), now + _LOOK_AGAIN, is_guess=True)
    return ClosedWindow(_named(active or allow), until)


def _that_count(
    windows: Sequence[SyncWindow], *, auto_sync: bool
) -> tuple[tuple[SyncWindow, ...], tuple[SyncWindow, ...]]:
    """Those that deny and those that allow; a sync by hand passes those that let it."""
    deny = [window for window in windows if window.kind == "deny" and (auto_sync or not window.by_hand)]
    allow = [window for window in windows if window.kind == "allow"]
    if not auto_sync and all(window.by_hand for window in allow):
        allow = []
    return tuple(deny), tuple(allow)


def _named(windows: Sequence[SyncWindow]) -> tuple[str, ...]:
    return tuple(str(window) for window in windows)


@dataclass(frozen=True, slots=True)
class _Reading:
    """A window whose times are understood; every time that it is asked for or gives is an instant in UTC."""

    schedule: Schedule
    length: timedelta
    zone: ZoneInfo

    @classmethod
    def of(cls, window: SyncWindow) -> "_Reading":
        """Raises ValueError, ZoneInfoNotFoundError or OSError where something in it cannot be read."""
        if window.zone is None:
            raise ValueError("no time zone is known")
        found = _DURATION.fullmatch(window.duration)
        hours, minutes, seconds = (float(number or 0) for number in found.groups()) if found else (0.0, 0.0, 0.0)
        length = timedelta(hours=hours, minutes=minutes, seconds=seconds)
        if not length:
            raise ValueError("its duration cannot be read")
        # A question mark is Argo CD's other word for an asterisk.
        return cls(parse_cron(window.schedule.replace("?", "*")), length, ZoneInfo(window.zone))

    def end(self, at: datetime) -> datetime | None:
        """When it closes, where it is open at that moment."""
        there = at.astimezone(self.zone)
        # By the clock, which may have been put back meanwhile.
        latest = there.replace(tzinfo=None) + _LONGEST_JUMP
        for number in range(self.length.days + 2):
            day = there.date() - number * _DAY
            for time in reversed(list(self.schedule.times_on(day))):
                if datetime.combine(day, time) > latest:
                    continue
                opening = datetime.combine(day, time, self.zone).astimezone(UTC)
                if opening <= at:
                    return opening + self.length if opening > at - self.length else None
        return None

    def opening_after(self, at: datetime) -> datetime | None:
        """When it opens next."""
        days = (at.date() - _DAY + number * _DAY for number in range(_HORIZON.days + 2))
        return next((opening for day in days for opening in self._on(day) if opening > at), None)

    def _on(self, day: date) -> Iterator[datetime]:
        yield from (datetime.combine(day, at, self.zone).astimezone(UTC) for at in self.schedule.times_on(day))


def _next_opening(deny: Sequence[_Reading], allow: Sequence[_Reading], now: datetime) -> datetime | None:
    at = now
    for _ in range(_MOST_WINDOWS_ON_THE_WAY):
        if at - now > _HORIZON:
            return None
        if ends := [end for window in deny if (end := window.end(at))]:
            at = max(ends)
        elif not allow or any(window.end(at) for window in allow):
            return at
        elif openings := [opening for window in allow if (opening := window.opening_after(at))]:
            at = min(openings)
        else:
            return None
    return None
