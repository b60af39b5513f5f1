"""Sync windows: when an AppProject allows or denies syncs."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any
from zoneinfo import ZoneInfo

from deployments.sandbox.argocd.duration import seconds_of

_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncWindow:
    """A window that opens by a cron schedule and stays open for a duration, as AppProject.spec.syncWindows."""

    kind: str
    """`allow` or `deny`."""
    schedule: str
    duration: str
    applications: tuple[str, ...] = ("*",)
    manual_sync: bool = False
    """Whether a person may sync all the same."""
    time_zone: str = "UTC"
    description: str = ""

    def __post_init__(self) -> None:
        if self.kind not in ("allow", "deny"):
            raise ValueError(f"a sync window is of kind allow or deny, not {self.kind!r}")
        # Any minute shows whether the schedule can be read.
        _minutes_match(self.schedule, datetime(2000, 1, 1))
        seconds_of(self.duration)

    def is_for(self, application: str) -> bool:
        """Whether the Application's name is one of those it is for."""
        return any(fnmatchcase(application, pattern) for pattern in self.applications)

    def is_active(self, now: datetime) -> bool:
        """Whether it opened no longer than its duration ago."""
        now = now.astimezone(ZoneInfo(self.time_zone))
        minute = now.replace(second=0, microsecond=0)
        minutes = range(int(seconds_of(self.duration) // 60) + 1)
        opened = (minute - timedelta(minutes=ago) for ago in minutes)
        return any(
            # Any minute shows whether the schedule can be read.
            _minutes_match(self.schedule, at) and now < at + timedelta(seconds=seconds_of(self.duration))
            for at in opened
        )

    def document(self) -> dict[str, Any]:
        """As GET syncwindows tells it."""
        told = {"kind": self.kind, "schedule": self.schedule, "duration": self.duration}
        return told | ({"manualSync": True} if self.manual_sync else {})

    def declaration(self) -> dict[str, Any]:
        """As the AppProject has it."""
        told = {"timeZone": self.time_zone, "description": self.description, "applications": list(self.applications)}
        return self.document() | {name: value for name, value in told.items() if value}


def may_sync(windows: list[SyncWindow], now: datetime, *, manual: bool) -> bool:
    """Whether the windows of one Application let a sync through now; without windows they do."""
    active = [window for window in windows if window.is_active(now)]
    denying = [window for window in active if window.kind == "deny"]
    if denying:
        return manual and all(window.manual_sync for window in denying)
    allowing = [window for window in windows if window.kind == "allow"]
    if not allowing or any(window in active for window in allowing):
        return True
    return manual and all(window.manual_sync for window in allowing)


def _minutes_match(schedule: str, at: datetime) -> bool:
    fields = schedule.split()
    if len(fields) != len(_RANGES):
        raise ValueError(f"the schedule {schedule!r} is not cron's five fields")
    minute, hour, day, month, weekday = (_numbers(f, *r) for f, r in zip(fields, _RANGES, strict=True))
    is_weekday = at.isoweekday() % 7 in {number % 7 for number in weekday}
    # Cron's oddity: with both a day and a weekday, either will do.
    by_day = [at.day in day] * (fields[2] != "*") + [is_weekday] * (fields[4] != "*")
    return at.minute in minute and at.hour in hour and at.month in month and (not by_day or any(by_day))


def _numbers(text: str, low: int, high: int) -> set[int]:
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, dash, last = span.partition("-")
        start = low if first == "*" else int(first)
        end = high if first == "*" or (step and not dash) else int(last or first)
        if not low <= start <= end <= high:
            raise ValueError(f"the cron field {text!r} is not within {low} and {high}")
        found |= set(range(start, end + 1, int(step or 1)))
    return found
