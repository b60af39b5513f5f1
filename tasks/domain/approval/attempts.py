"""How often a code may be tried: a six-digit code that could be guessed for ever would prove nothing."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Limit:
    """So many wrong codes in that time, and nobody is let in by this name until it is over."""

    wrong: int
    within: timedelta


# Three codes of a million are right at any time, so a day of guessing succeeds once in about 17,000 days.
LIMITS = (Limit(5, timedelta(minutes=15)), Limit(20, timedelta(days=1)))
LONGEST = max(limit.within for limit in LIMITS)


def locked_until(wrong: Iterable[datetime], now: datetime) -> datetime | None:
    """When the next code may be tried, given the times of the wrong ones; None where that is now."""
    newest_first = sorted((moment for moment in wrong if moment <= now), reverse=True)
    ends = []
    for limit in LIMITS:
        recent = [moment for moment in newest_first if now - moment < limit.within]
        if len(recent) >= limit.wrong:
            ends.append(recent[limit.wrong - 1] + limit.within)
    return max(ends, default=None)
