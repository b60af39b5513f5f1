"""What people do with a rollout is kept as an empty commit, once for each deed."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tasks.domain.rollout.by_hand import ByHand
from tasks.domain.rollout.progressive import ProgressiveRollout
from tasks.gitops.rollout_note import record_by_hand

NOON = datetime(2027, 1, 31, 12, 0, tzinfo=UTC)
PAUSED = ProgressiveRollout("production", "shop", "new", "old", 1, 4, 25, "CanaryPauseStep", NOON)
DONE = ByHand("shop-api", "production", "resume", PAUSED, "pat", "the numbers are good")


@pytest.mark.usefixtures("bare_machine")
def test_a_deed_is_recorded_once_and_another_by_a_commit_of_its_own(remote) -> None:
    files = remote.show()
    first = record_by_hand.fn(remote.block, DONE)
    assert (remote.head(), remote.show()) == (first, files)
    assert "the numbers are good" in remote.git("show", "--no-patch", "--format=%B", first)
    remote.commit("README.md", "Something else.\n")
    assert record_by_hand.fn(remote.block, DONE) == first
    assert record_by_hand.fn(remote.block, replace(DONE, action="abort")) == remote.head() != first
    assert len(remote.subjects()) == 5
