"""When a deployment window opens: the five fields of cron, read and checked here.

Minute, hour, day of the month, month, day of the week, as in crontab(5): numbers, names such as mon or jan, lists,
ranges and steps. Where both kinds of day are given, either is enough.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time

_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LONGEST_MONTHS = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}


@dataclass(frozen=True, slots=True)
class Schedule:
    """The minutes that a cron expression names, by the clock on the wall; cannot exist without ever coming."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool

    def __post_init__(self) -> None:
        if self.any_weekday and all(min(self.days) > _LONGEST_MONTHS.get(month, 31) for month in self.months):
            raise ValueError("names a day that no such month has, so it never comes; correct day or month")

    def times_on(self, day: date) -> Iterator[time]:
        """The minutes of that day, in order."""
        if day.month in self.months and self._is_day(day):
            yield from (time(hour, minute) for hour in sorted(self.hours) for minute in sorted(self.minutes))

    def _is_day(self, day: date) -> bool:
        is_day, is_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return is_day and is_weekday if self.any_day or self.any_weekday else is_day or is_weekday


def parse_cron(text: str) -> Schedule:
    """Raises ValueError with a sentence about the field that cannot be read."""
    fields = text.lower().split()
    if len(fields) != 5:
        raise ValueError("needs five fields: minute, hour, day of month, month, day of week, such as 0 9 * * mon-fri")
    minute, hour, day, month, weekday = fields
    return Schedule(
        minutes=_values(minute, "minute", 0, 59),
        hours=_values(hour, "hour", 0, 23),
        days=_values(day, "day of the month", 1, 31),
        months=_values(month, "month", 1, 12, _MONTHS, first_name=1),
        # Sunday is both 0 and 7.
        weekdays=frozenset(number % 7 for number in _values(weekday, "day of the week", 0, 7, _WEEKDAYS)),
        any_day=day.startswith("*"),
        any_weekday=weekday.startswith("*"),
    )


def _values(
    field: str, name: str, low: int, high: int, words: tuple[str, ...] = (), *, first_name: int = 0
) -> frozenset[int]:
    numbers = {word: index + first_name for index, word in enumerate(words)}

    def number(text: str) -> int:
        value = numbers.get(text, int(text) if text.isascii() and text.isdigit() else -1)
        if not low <= value <= high:
            raise ValueError(f"has {text!r} as {name}; it goes from {low} to {high}")
        return value

    found: set[int] = set()
    for part in field.split(","):
        span, has_step, step = part.partition("/")
        first, has_end, last = span.partition("-")
        start = low if span == "*" else number(first)
        end = high if span == "*" or (has_step and not has_end) else number(last) if has_end else start
        if end < start or (has_step and not (step.isascii() and step.isdigit() and int(step) > 0)):
            raise ValueError(f"has {part!r} as {name}, which names nothing; write it as 1,3 or 1-5 or */2")
        found.update(range(start, end + 1, int(step) if has_step else 1))
    return frozenset(found)
