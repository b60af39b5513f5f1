"""A person takes an Argo Rollout on through Tidegate: where that may be, and what is kept of it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tasks.domain.delivery.progressive import Progressive
from tasks.domain.errors import ConfigurationError
from tasks.domain.promotion.history import parse_changes
from tasks.domain.promotion.switch import find_switches
from tasks.domain.rollout.by_hand import ByHand, NotByHand, by_hand_message, decide_by_hand
from tasks.domain.rollout.progressive import Action, ProgressiveRollout

NOON = datetime(2027, 1, 31, 12, 0, tzinfo=UTC)
PAUSED = ProgressiveRollout("production", "shop", "new", "old", 1, 4, 25, "CanaryPauseStep", NOON)
MOVING = replace(PAUSED, name="web", paused_for="", paused_at=None)
DONE = replace(MOVING, name="done", stable="new")
ANY = Progressive(by_hand=("resume", "promote-full", "abort"))


@pytest.mark.parametrize(
    ("action", "chosen"),
    [("resume", (PAUSED,)), ("promote-full", (PAUSED, MOVING)), ("abort", (PAUSED, MOVING))],
)
def test_an_action_is_about_the_rollouts_for_which_it_means_something(
    action: Action, chosen: tuple[ProgressiveRollout, ...]
) -> None:
    assert decide_by_hand(action, ANY, "production", (PAUSED, MOVING, DONE)) == chosen


def test_only_what_the_policy_names_may_be_done_by_hand_and_left_out_that_is_to_abort() -> None:
    assert decide_by_hand("abort", Progressive(), "production", [PAUSED]) == (PAUSED,)
    assert decide_by_hand("resume", Progressive(), "production", [PAUSED]) == NotByHand(
        "nobody may resume by Tidegate in production; add resume to `by-hand` of its `progressive`, or do it in Argo CD"
    )


@pytest.mark.parametrize(
    ("action", "rollouts", "reason"),
    [
        ("resume", [MOVING, DONE], "nothing of web, done in production pauses"),
        ("abort", [DONE], "nothing of done in production is on its way: what is there serves everybody"),
        ("abort", [], "production has no Argo Rollout: what it runs is rolled out at once"),
    ],
)
def test_where_there_is_nothing_to_do_that_is_said(
    action: Action, rollouts: list[ProgressiveRollout], reason: str
) -> None:
    assert decide_by_hand(action, ANY, "production", rollouts) == NotByHand(reason)


def test_who_did_it_and_why_is_kept_in_a_commit_that_is_no_promotion() -> None:
    message = by_hand_message(ByHand("shop-api", "production", "resume", PAUSED, "ada", "looks\ngood"))

    assert message == (
        "Resume the rollout of shop-api in production\n"
        "\n"
        "Tidegate-Application: shop-api\n"
        "Tidegate-Environment: production\n"
        "Tidegate-Rollout-Action: resume\n"
        "Tidegate-Rollout: shop new step 2 since 2027-01-31T12:00:00+00:00\n"
        "Tidegate-By: ada\n"
        "Tidegate-Reason: looks good\n"
    )
    assert parse_changes(message, "c" * 40, NOON) == ()
    assert find_switches([(message, "c" * 40, NOON)], "production") == ()


def test_a_reason_is_asked_for() -> None:
    with pytest.raises(ConfigurationError, match="the reason is empty"):
        ByHand("shop-api", "production", "abort", PAUSED, "ada", " ")
