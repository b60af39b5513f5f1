"""Runs as somebody sees them who looks from outside."""

from datetime import UTC, datetime
from uuid import uuid4

from tasks.runs.lookup import SeenRun


def test_of_two_runs_at_work_the_one_that_is_so_longer_goes_first() -> None:
    def run(state: str, minute: int) -> SeenRun:
        since = datetime(2026, 5, 11, 7, minute, tzinfo=UTC)
        return SeenRun(uuid4(), "promote", "shop-api 1 -> production", {}, state, "", "", since, None)

    assert run("RUNNING", 1).is_before(run("RUNNING", 2))
    assert not run("RUNNING", 2).is_before(run("RUNNING", 1))
    assert not run("PAUSED", 1).is_before(run("RUNNING", 2))
    assert not run("COMPLETED", 1).is_before(run("RUNNING", 2))
