"""Until when Argo CD's own windows keep a change back, worked out from what it tells of them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.sandbox.argocd.windows import SyncWindow as SandboxWindow
from deployments.sandbox.argocd.windows import may_sync
from tasks.domain.promotion.window import KeptBack, decide_kept_back
from tasks.domain.rollout.sync_window import ClosedWindow, SyncWindow, decide_closing, latest

NOON = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)
TONIGHT = datetime(2026, 3, 5, 20, 0, tzinfo=UTC)


def deny(schedule: str, duration: str, *, by_hand: bool = False, zone: str | None = "UTC") -> SyncWindow:
    return SyncWindow("deny", schedule, duration, by_hand, zone)


def allow(schedule: str, duration: str, *, by_hand: bool = False, zone: str | None = "UTC") -> SyncWindow:
    return SyncWindow("allow", schedule, duration, by_hand, zone)


@pytest.mark.parametrize(
    ("windows", "until"),
    [
        ([deny("0 8 * * *", "12h")], "2026-03-05 20:00"),
        ([deny("0 8 * * ?", "12h30m")], "2026-03-05 20:30"),
        ([deny("0 8 * * *", "12h", zone="America/New_York"), deny("30 11 * * *", "1h")], "2026-03-05 12:30"),
        ([deny("0 9 * * *", "12h", zone="Europe/Berlin")], "2026-03-05 20:00"),
        ([allow("0 20 * * *", "2h")], "2026-03-05 20:00"),
        ([allow("0 20 * * sat", "2h")], "2026-03-07 20:00"),
        ([allow("0 20 * * *", "2h"), allow("0 16 * * *", "30m")], "2026-03-05 16:00"),
        # What denies outweighs what allows.
        ([deny("0 8 * * *", "12h"), allow("0 19 * * *", "2h")], "2026-03-05 20:00"),
        ([deny("0 8 * * *", "12h"), allow("0 11 * * *", "2h")], None),
        ([deny("0 8 * * *", "12h"), deny("0 19 * * *", "2h")], "2026-03-05 21:00"),
        ([deny("0 0 * * *", "24h")], None),
        ([deny("* * * * *", "1h")], None),
    ],
)
def test_it_is_worked_out_when_argo_cd_lets_a_change_through(windows: list[SyncWindow], until: str | None) -> None:
    opens = datetime.fromisoformat(until).replace(tzinfo=UTC) if until else None

    assert decide_closing(windows, NOON, auto_sync=True).until == opens


def test_a_sync_by_hand_passes_the_windows_that_let_it() -> None:
    windows = [deny("0 8 * * *", "5h"), deny("0 8 * * *", "12h", by_hand=True)]

    assert decide_closing(windows, NOON, auto_sync=True).until == datetime(2026, 3, 5, 20, 0, tzinfo=UTC)
    assert decide_closing(windows, NOON, auto_sync=False).until == datetime(2026, 3, 5, 13, 0, tzinfo=UTC)

    windows = [deny("0 8 * * *", "5h"), allow("0 20 * * *", "2h", by_hand=True)]
    assert decide_closing(windows, NOON, auto_sync=True).until == TONIGHT
    assert decide_closing(windows, NOON, auto_sync=False).until == datetime(2026, 3, 5, 13, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "windows",
    [
        [deny("0 8 * * *", "12h", zone=None)],
        [deny("at eight", "12h")],
        [deny("0 8 * * *", "a while")],
        [deny("0 8 * * *", "12h", zone="Mars/Olympus")],
        # It says that it keeps changes back, and by these windows it does not.
        [deny("0 13 * * *", "1h")],
        [],
    ],
)
def test_what_is_not_known_is_looked_at_again(windows: list[SyncWindow]) -> None:
    closed = decide_closing(windows, NOON, auto_sync=True)

    assert (closed.until, closed.is_guess) == (NOON + timedelta(minutes=15), True)
    assert str(closed).startswith("until a time that is not known")


def test_a_closed_window_is_named_with_the_time_at_which_it_opens() -> None:
    night = SyncWindow("deny", "0 8 * * *", "12h", zone="UTC", description="Ticket 7")
    unknown = deny("0 8 * * *", "12h", zone=None)

    named = str(decide_closing([night, allow("0 11 * * *", "24h")], NOON, auto_sync=True))
    assert named == "until Thu 2026-03-05 20:00 UTC (deny '0 8 * * *' UTC for 12h (Ticket 7))"
    named = str(decide_closing([allow("0 20 * * *", "2h")], NOON, auto_sync=True))
    assert named == "until Thu 2026-03-05 20:00 UTC (allow '0 20 * * *' UTC for 2h)"
    assert str(decide_closing([deny("* * * * *", "1h")], NOON, auto_sync=True)).startswith("for good")
    assert "only `projects, get` on the project tells" in str(decide_closing([unknown], NOON, auto_sync=True))


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["allow", "deny"]),
            st.integers(0, 23),
            st.sampled_from(["1h", "6h", "13h30m"]),
            st.sampled_from(["UTC", "Asia/Kolkata"]),
        ),
        min_size=1,
        max_size=3,
    ),
    st.integers(0, 24 * 60),
)
def test_at_that_time_the_sandbox_lets_a_sync_through_and_a_minute_before_not(
    chosen: list[tuple[str, int, str, str]], minute: int
) -> None:
    now = NOON + timedelta(minutes=minute)
    there = [
        SandboxWindow(kind=kind, schedule=f"0 {hour} * * *", duration=length, time_zone=zone)
        for kind, hour, length, zone in chosen
    ]
    told = [SyncWindow(kind, f"0 {hour} * * *", length, zone=zone) for kind, hour, length, zone in chosen]
    closed = decide_closing(told, now, auto_sync=True)

    if may_sync(there, now, manual=False):
        assert closed.is_guess
    elif closed.until:
        assert may_sync(there, closed.until, manual=False)
        assert not may_sync(there, closed.until - timedelta(minutes=1), manual=False)


@pytest.mark.parametrize(
    ("until", "longest", "waits"),
    [
        (TONIGHT, 8 * 3600, True),
        (TONIGHT, 8 * 3600 - 1, False),
        (TONIGHT, 0, False),
        (None, 604800, False),
    ],
)
def test_a_promotion_waits_for_a_window_as_long_as_it_may(until: datetime | None, longest: int, waits: bool) -> None:
    answer = decide_kept_back(ClosedWindow(until=until), longest, NOON)

    assert isinstance(answer, KeptBack)
    assert answer.may_be_waited_for is waits
    assert answer.reason.startswith("a sync window of the Argo CD project keeps changes back ")


def test_of_several_applications_the_one_that_opens_last_is_waited_for() -> None:
    tonight, never = ClosedWindow(until=TONIGHT), ClosedWindow(until=None)

    assert latest([]) is None
    assert latest([ClosedWindow(until=NOON), tonight]) is tonight
    assert latest([never, tonight]) is never
