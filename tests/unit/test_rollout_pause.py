"""How long a rollout is left alone between two looks."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tasks.domain.delivery.rollout import RolloutTimeouts
from tasks.domain.image import ImageReference
from tasks.domain.rollout.decision import decide_rollout
from tasks.domain.rollout.facts import ApplicationStatus, Expectation, Health, Observation, Sync, Workloads
from tasks.domain.rollout.pause import decide_pause, refresh_seconds, shortest_seconds, slow_seconds
from tasks.domain.rollout.sync_window import ClosedWindow

PUSHED = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
COMMIT = "c" * 40
IMAGE = ImageReference("registry.example/acme/shop-api", None, "sha256:" + "1" * 64)
TIMEOUTS = RolloutTimeouts(detect_seconds=300, sync_seconds=600, healthy_seconds=900, settle_seconds=15)
EXPECTATION = Expectation("staging", COMMIT, IMAGE, PUSHED, "https://git.example/gitops", "main", TIMEOUTS)
STATUS = ApplicationStatus(COMMIT, Sync.SYNCED, Health.HEALTHY, auto_sync=True, reconciled_at=PUSHED)


def look(**facts: Any) -> Observation:
    names = Observation.__dataclass_fields__.keys()
    own: dict[str, Any] = {"contains": True, "workloads": Workloads((IMAGE,), (IMAGE,))}
    own |= {name: value for name, value in facts.items() if name in names}
    status = replace(STATUS, **{name: value for name, value in facts.items() if name not in names})
    return Observation(PUSHED + timedelta(seconds=100), status, **own)


@pytest.mark.parametrize(
    ("facts", "seconds"),
    [
        ({}, 15),
        ({"contains": False}, 15),
        ({"health": Health.PROGRESSING}, 30),
        ({"health": Health.SUSPENDED}, 800),
        ({"sync": Sync.OUT_OF_SYNC}, 500),
        ({"window": ClosedWindow()}, 300),
        ({"window": ClosedWindow(until=PUSHED + timedelta(days=1))}, 300),
        ({"window": ClosedWindow(until=PUSHED + timedelta(seconds=150))}, 50),
    ],
    ids=[
        "settling",
        "not detected",
        "not healthy",
        "suspended",
        "no sync",
        "a window",
        "one that opens late",
        "one that opens soon",
    ],
)
def test_who_is_told_of_changes_looks_only_for_what_nobody_tells(facts: dict[str, Any], seconds: float) -> None:
    looks = (look(**facts),)
    kind = decide_rollout(EXPECTATION, looks).kind

    assert decide_pause(EXPECTATION, looks, kind, polled=2, watches=True) == seconds
    assert decide_pause(EXPECTATION, looks, kind, polled=2, watches=False) == 2


def test_the_first_look_is_taken_at_once() -> None:
    assert decide_pause(EXPECTATION, (), decide_rollout(EXPECTATION, ()).kind, polled=0, watches=True) == 0


def test_a_time_limit_that_is_over_is_looked_at_soon() -> None:
    late = replace(look(sync=Sync.OUT_OF_SYNC), at=PUSHED + timedelta(seconds=700))

    assert decide_pause(EXPECTATION, (late,), decide_rollout(EXPECTATION, (late,)).kind, polled=2, watches=True) == 0.5


def test_the_pauses_follow_from_the_longest_one() -> None:
    quick = TIMEOUTS.model_copy(update={"poll_seconds": 0.1})

    assert (slow_seconds(TIMEOUTS), refresh_seconds(TIMEOUTS), shortest_seconds(TIMEOUTS)) == (30, 15, 0.5)
    assert (slow_seconds(quick), refresh_seconds(quick), shortest_seconds(quick)) == pytest.approx((0.6, 0.3, 0.1))
