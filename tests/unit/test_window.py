"""When an environment may be changed: windows by the clock on the wall, whatever the clock does, and freezes."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.domain.configuration.model_mistakes import find_mistakes, read_model
from tasks.domain.delivery.cron import parse_cron
from tasks.domain.delivery.window import DeploymentWindow, Freeze
from tasks.domain.promotion.window import Closed, Open, decide_opening

BERLIN = ZoneInfo("Europe/Berlin")
WORKDAYS = DeploymentWindow(opens="0 9 * * mon-thu", open_seconds=7 * 3600, zone="Europe/Berlin")
# Zones whose clocks jump by an hour, by half an hour, at midnight, and over a whole day; and one that never does.
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Pacific/Apia", "UTC")


def berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


def freeze(begins: str, ends: str, zone: str = "Europe/Berlin", *environments: str) -> Freeze:
    value = {"from": begins, "until": ends, "zone": zone, "reason": "trade fair", "environments": list(environments)}
    return read_model(Freeze, value)


def opening(now: datetime, *freezes: Freeze, windows: tuple[DeploymentWindow, ...] = (WORKDAYS,)) -> Open | Closed:
    return decide_opening("production", windows, freezes, now)


def closed_until(answer: Open | Closed) -> datetime | None:
    assert isinstance(answer, Closed)
    return answer.until


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-03-05 09:00", None),
        ("2026-03-05 15:59:59", None),
        ("2026-03-05 08:59:59", "2026-03-05 09:00"),
        ("2026-03-05 16:00", "2026-03-09 09:00"),
        # The clocks go forward on Sunday: Monday begins at nine by the new time.
        ("2026-03-27 12:00", "2026-03-30 09:00"),
        ("2026-10-23 12:00", "2026-10-26 09:00"),
    ],
)
def test_a_window_is_open_by_the_clock_on_the_wall(now: str, until: str | None) -> None:
    answer = opening(berlin(now))
    assert answer == Open() if until is None else closed_until(answer) == berlin(until)


def test_a_closed_window_says_until_when_and_why() -> None:
    assert opening(berlin("2026-03-06 10:00")) == Closed(
        "production is closed until Mon 2026-03-09 09:00 Europe/Berlin "
        "(outside its deployment windows: '0 9 * * mon-thu' Europe/Berlin for 7 h)",
        berlin("2026-03-09 09:00").astimezone(UTC),
    )


def test_where_the_clock_jumps_over_the_opening_it_opens_as_much_later() -> None:
    """On 2026-03-29 Berlin's clocks go from 2:00 to 3:00; half past two comes half an hour after three."""
    night = DeploymentWindow(opens="30 2 * * *", open_seconds=600, zone="Europe/Berlin")
    before = berlin("2026-03-29 01:59")
    assert closed_until(opening(before, windows=(night,))) == berlin("2026-03-29 03:30")


def test_where_the_clock_shows_the_opening_twice_it_opens_the_first_time_and_lasts_as_long() -> None:
    night = DeploymentWindow(opens="30 2 * * *", open_seconds=7200, zone="Europe/Berlin")
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    states = [opening(first + timedelta(minutes=m), windows=(night,)) == Open() for m in (-1, 0, 60, 119, 120, 180)]
    assert states == [False, True, True, True, False, False]


def test_a_freeze_outweighs_a_window_and_the_next_window_after_it_counts() -> None:
    answer = opening(berlin("2026-12-21 10:00"), freeze("2026-12-21", "2027-01-01"))
    assert answer == Closed(
        "production is closed until Mon 2027-01-04 09:00 Europe/Berlin "
        "(freeze until Sat 2027-01-02 00:00 Europe/Berlin: trade fair)",
        berlin("2027-01-04 09:00").astimezone(UTC),
    )


def test_freezes_that_follow_on_each_other_are_passed_at_once() -> None:
    """The first reaches into the next, which ends inside a window."""
    two = freeze("2026-03-02", "2026-03-03"), freeze("2026-03-03", "2026-03-05 11:00")
    assert closed_until(opening(berlin("2026-03-02 10:00"), *two)) == berlin("2026-03-05 11:00")


def test_a_freeze_is_for_the_environments_that_it_names_and_without_windows_all_else_is_open() -> None:
    elsewhere = freeze("2026-03-01", "2026-03-31", "UTC", "staging")
    assert opening(berlin("2026-03-05 03:00"), elsewhere, windows=()) == Open()


def test_a_freeze_begins_and_ends_by_the_clock_of_its_zone() -> None:
    day = freeze("2026-03-05", "2026-03-05", "Asia/Tokyo")
    start = datetime(2026, 3, 4, 15, tzinfo=UTC)
    moments = (
        start - timedelta(seconds=1),
        start,
        start + timedelta(hours=24, seconds=-1),
        start + timedelta(hours=24),
    )
    assert [opening(moment, day, windows=()) == Open() for moment in moments] == [True, False, False, True]


moments = st.datetimes(datetime(2011, 1, 1), datetime(2031, 12, 31)).map(lambda moment: moment.replace(tzinfo=UTC))
windows_ = st.builds(
    lambda minute, hour, days, length, zone: DeploymentWindow(
        opens=f"{minute} {hour} * * {days}", open_seconds=length, zone=zone
    ),
    st.integers(0, 59),
    st.integers(0, 23),
    st.sampled_from(["*", "mon-fri", "sun", "1,3,5"]),
    st.integers(60, 7 * 24 * 3600),
    st.sampled_from(ZONES),
)


@given(st.lists(windows_, min_size=1, max_size=3), moments)
def test_what_is_closed_is_open_at_the_named_time_and_not_before(
    windows: list[DeploymentWindow], now: datetime
) -> None:
    answer = opening(now, windows=tuple(windows))
    if isinstance(answer, Closed):
        assert answer.until is not None
        assert answer.until > now
        assert opening(answer.until, windows=tuple(windows)) == Open()
        for part in (0.25, 0.5, 0.999):
            between = now + (answer.until - now) * part
            assert closed_until(opening(between, windows=tuple(windows))) == answer.until


@given(windows_, moments)
def test_a_window_stays_open_for_the_seconds_that_it_was_given(window: DeploymentWindow, now: datetime) -> None:
    short = window.model_copy(update={"open_seconds": 60})
    answer = opening(now, windows=(short,))
    if isinstance(answer, Closed) and answer.until is not None:
        last, over = answer.until + timedelta(seconds=59), answer.until + timedelta(seconds=60)
        assert opening(last, windows=(short,)) == Open()
        assert isinstance(opening(over, windows=(short,)), Closed)


@given(
    st.dates(date(2012, 1, 1), date(2031, 12, 30)), st.integers(0, 23), st.integers(0, 59), st.sampled_from(ZONES[:4])
)
def test_a_daily_window_opens_once_a_day_also_when_the_clocks_change(
    day: date, hour: int, minute: int, zone: str
) -> None:
    daily = DeploymentWindow(opens=f"{minute} {hour} * * *", open_seconds=60, zone=zone)
    midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    seen, at = [], midnight - timedelta(hours=2)
    if opening(at, windows=(daily,)) == Open():
        at += timedelta(seconds=60)
    while len(seen) < 3:
        until = closed_until(opening(at, windows=(daily,)))
        assert until is not None
        seen.append(until)
        at = until + timedelta(seconds=60)
    gaps = [later - earlier for earlier, later in pairwise(seen)]
    assert all(timedelta(hours=23) <= gap <= timedelta(hours=25) for gap in gaps)
    walls = [moment.astimezone(ZoneInfo(zone)) for moment in seen]
    assert sum((wall.hour, wall.minute) == (hour, minute) for wall in walls) >= 2


@given(moments, moments, moments)
def test_a_freeze_closes_from_its_first_moment_to_its_last(one: datetime, other: datetime, now: datetime) -> None:
    first, last = sorted(moment.replace(second=0, microsecond=0) for moment in (one, other))
    if first == last:
        last += timedelta(minutes=1)
    frozen = freeze(f"{first:%Y-%m-%d %H:%M}", f"{last:%Y-%m-%d %H:%M}", "UTC")
    answer = opening(now, frozen, windows=())
    assert isinstance(answer, Closed) == (first <= now < last)
    if isinstance(answer, Closed):
        assert answer.until == last


@pytest.mark.parametrize(
    ("text", "day", "times"),
    [
        ("*/20 8-9 * * *", "2026-03-05", ["08:00", "08:20", "08:40", "09:00", "09:20", "09:40"]),
        ("0 9 1 * *", "2026-03-05", []),
        ("0 9 * mar thu", "2026-03-05", ["09:00"]),
        ("0 9 * * 4", "2026-03-05", ["09:00"]),
        ("0 9 * * 7", "2026-03-08", ["09:00"]),
        # Both kinds of day are given: either is enough.
        ("0 9 5 * mon", "2026-03-05", ["09:00"]),
        ("0 9 9,10 * thu", "2026-03-05", ["09:00"]),
        ("15 6/6 * * *", "2026-03-05", ["06:15", "12:15", "18:15"]),
    ],
)
def test_cron_names_the_minutes_of_a_day(text: str, day: str, times: list[str]) -> None:
    assert [f"{time:%H:%M}" for time in parse_cron(text).times_on(date.fromisoformat(day))] == times


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (
            {"opens": "0 9 * *"},
            "needs five fields: minute, hour, day of month, month, day of week, such as 0 9 * * mon-fri",
        ),
        ({"opens": "0 24 * * *"}, "has '24' as hour; it goes from 0 to 23"),
        (
            {"opens": "0 9 * * fri-mon"},
            "has 'fri-mon' as day of the week, which names nothing; write it as 1,3 or 1-5 or */2",
        ),
        ({"opens": "0 9 30 2 *"}, "names a day that no such month has, so it never comes; correct day or month"),
        ({"opens": "*/0 9 * * *"}, "has '*/0' as minute, which names nothing; write it as 1,3 or 1-5 or */2"),
        ({"zone": "Berlin"}, "unknown time zone 'Berlin'; use a name such as Europe/Berlin or UTC"),
        ({"zone": "../../etc/passwd"}, "unknown time zone '../../etc/passwd'; use a name such as Europe/Berlin or UTC"),
        ({"open-seconds": 604801}, "is the number 604801; it must be at most 604800"),
    ],
)
def test_a_window_that_cannot_be_meant_is_a_mistake(changed: dict[str, object], sentence: str) -> None:
    value = {"opens": "0 9 * * *", "open-seconds": 3600} | changed
    assert [mistake.sentence for mistake in find_mistakes(DeploymentWindow, value)] == [sentence]


@pytest.mark.parametrize(
    ("begins", "ends", "sentence"),
    [
        ("2026-12-24", "2026-12-23", "ends (2026-12-23) before it begins (2026-12-24); correct `from` or `until`"),
        (
            "24.12.2026",
            "2026-12-26",
            "is '24.12.2026'; it must be a day such as 2027-12-20, or with a time 2027-12-20 18:00",
        ),
    ],
)
def test_a_freeze_that_cannot_be_meant_is_a_mistake(begins: str, ends: str, sentence: str) -> None:
    value = {"from": begins, "until": ends, "reason": "holidays"}
    assert [mistake.sentence for mistake in find_mistakes(Freeze, value)] == [sentence]
