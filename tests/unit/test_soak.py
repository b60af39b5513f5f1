"""How long a candidate has to have been healthy in the environments before."""

from datetime import UTC, datetime, timedelta

import pytest

from tasks.domain.promotion.soak import Soak, Soaking, decide_soak
from tasks.domain.wording import lasting

NOW = datetime(2026, 5, 9, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def soak(written: timedelta | None, healthy: timedelta | None, environment: str = "staging") -> Soak:
    since = [None if ago is None else NOW - ago for ago in (written, healthy)]
    return Soak(environment, *since)


def test_without_a_soak_time_nothing_is_asked() -> None:
    assert decide_soak("production", 0, (soak(None, None),), NOW) is None


@pytest.mark.parametrize(
    ("written", "healthy"), [(2 * HOUR, HOUR), (HOUR, 2 * HOUR), (HOUR, HOUR)], ids=["healthy", "written", "both"]
)
def test_it_is_counted_from_what_came_last(written: timedelta, healthy: timedelta) -> None:
    assert decide_soak("production", 3600, (soak(written, healthy),), NOW) is None
    longer = decide_soak("production", 3600 + 90, (soak(written, healthy),), NOW)
    assert longer == Soaking(
        "production needs 1 h 1 min of health in staging, which has 1 h: 1 min 30 s left, until "
        "2026-05-09 12:01:30 UTC",
        NOW + timedelta(seconds=90),
    )


def test_of_several_environments_the_one_that_takes_longest_counts() -> None:
    soaks = soak(HOUR, HOUR, "staging-eu"), soak(HOUR / 2, HOUR, "staging-us")
    longest = decide_soak("production", 7200, soaks, NOW)
    assert longest is not None
    assert longest.until == NOW + 1.5 * HOUR
    assert "in staging-us" in longest.reason


@pytest.mark.parametrize(
    ("unknown", "sentence"),
    [
        (
            soak(None, HOUR),
            "its history does not say since when staging runs it; promote it there with Tidegate",
        ),
        (
            soak(HOUR, None),
            "Argo CD does not say since when staging is healthy; a newer one does",
        ),
    ],
)
def test_what_nobody_knows_is_not_long_enough(unknown: Soak, sentence: str) -> None:
    assert decide_soak("production", 1, (unknown, soak(HOUR, HOUR)), NOW) == Soaking(
        f"production needs 1 s in staging: {sentence}", None
    )


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3661, "1 h 1 min"), (90000, "1 d 1 h")]
)
def test_a_duration_is_its_two_largest_units(seconds: int, words: str) -> None:
    assert lasting(seconds) == words
