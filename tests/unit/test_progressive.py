"""Where an Argo Rollout stands, and what follows at its pauses."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from tasks.domain.argocd.rollouts import find_rollouts, read_rollout
from tasks.domain.delivery.post_deploy import HttpCheck
from tasks.domain.delivery.progressive import Progressive
from tasks.domain.rollout.progressive import Act, ProgressiveRollout, Watch, decide_at_pause, wait_for_a_person
from tasks.domain.verdict import failed, passed

SINCE = "2027-01-31T10:00:00Z"
STEPS = [{"setWeight": 25}, {"pause": {}}, {"setWeight": 50}, {"pause": {"duration": "10m"}}]
PAUSED = ProgressiveRollout(
    "production", "shop", "new", "old", 1, 4, 25, "CanaryPauseStep", datetime(2027, 1, 31, tzinfo=UTC)
)
HERE = "Rollout shop has paused at step 2 of 4 (CanaryPauseStep, 25 % of its pods are new)"
BY_HAND = (
    "a person goes on: in Argo CD, run the action resume, promote-full or abort of Rollout shop, "
    "or `tidegate rollout abort`"
)
GOOD, BAD = passed("errors: 0 is at most 0.01"), failed("errors: 0.5 is more than 0.01")


def live(step: int = 1, strategy: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    paused = {"pauseConditions": [{"reason": "CanaryPauseStep", "startTime": SINCE}]}
    known = {"observedGeneration": "3", "currentPodHash": "new", "stableRS": "old", "currentStepIndex": step}
    return {
        "metadata": {"name": "shop", "namespace": "production", "generation": 3},
        "spec": {"strategy": strategy or {"canary": {"steps": STEPS}}},
        "status": known | paused | status,
    }


def policy(**changes: Any) -> Progressive:
    asked = {"at_pause": {"errors": HttpCheck(url="http://here/")}}
    return Progressive.model_validate(asked | changes)


def test_a_paused_canary_is_read_with_its_step_and_its_weight() -> None:
    assert read_rollout(live()) == replace(PAUSED, paused_at=datetime(2027, 1, 31, 10, tzinfo=UTC))
    assert str(read_rollout(live())) == HERE


@pytest.mark.parametrize(
    ("step", "strategy", "seconds"),
    [
        (1, None, None),
        (3, None, 600),
        (0, {"canary": {"steps": [{"pause": {"duration": 30}}]}}, 30),
        (0, {"canary": {"steps": [{"pause": {"duration": "1h"}}]}}, 3600),
        (0, {"blueGreen": {"autoPromotionEnabled": False}}, None),
        (0, {"blueGreen": {"autoPromotionSeconds": 30}}, 30),
    ],
)
def test_a_pause_that_ends_by_itself_is_told_from_one_that_does_not(
    step: int, strategy: dict[str, Any] | None, seconds: float | None
) -> None:
    assert read_rollout(live(step, strategy)).pause_seconds == seconds


def test_the_pause_of_a_release_that_was_not_seen_yet_does_not_count() -> None:
    assert not read_rollout(live(observedGeneration="2")).is_paused


def test_a_rollout_that_a_person_paused_has_paused() -> None:
    manifest = live(pauseConditions=None)
    assert not read_rollout(manifest).is_paused
    manifest["spec"]["paused"] = True
    assert read_rollout(manifest).paused_for == "manually paused"


def test_blue_green_pauses_before_the_switch() -> None:
    paused = read_rollout(live(strategy={"blueGreen": {}}, currentStepIndex=None))
    assert str(paused) == "Rollout shop has paused before the switch (CanaryPauseStep)"


def test_only_argo_rollouts_are_found_among_the_resources() -> None:
    resources = [
        {"group": "apps", "kind": "Deployment", "namespace": "production", "name": "shop"},
        {"group": "argoproj.io", "kind": "Rollout", "namespace": "production", "name": "shop"},
        {"group": "argoproj.io", "kind": "AnalysisTemplate", "namespace": "production", "name": "shop"},
    ]
    assert find_rollouts({"status": {"resources": resources}}) == (
        {
            "namespace": "production",
            "resourceName": "shop",
            "group": "argoproj.io",
            "version": "v1alpha1",
            "kind": "Rollout",
        },
    )
    assert find_rollouts({"status": {}}) == ()


def test_the_next_pause_and_the_next_release_are_other_pauses() -> None:
    assert PAUSED.pause == replace(PAUSED, weight=30).pause
    assert PAUSED.pause not in {replace(PAUSED, step=3).pause, replace(PAUSED, template="newer").pause}


def test_what_passed_goes_on_as_the_policy_says() -> None:
    reason = f"{HERE}; {GOOD.reason}"
    assert decide_at_pause(PAUSED, [GOOD], policy(when_passed="resume")) == Act("resume", reason)
    assert decide_at_pause(PAUSED, [GOOD], policy(when_passed="promote-full")) == Act("promote-full", reason)
    assert decide_at_pause(PAUSED, [GOOD], policy()) == Watch(f"{reason}; {BY_HAND}", 86400)


def test_what_failed_is_aborted_where_the_policy_says_so() -> None:
    reason = f"{HERE}, and a check there failed: {BAD.reason}"
    assert decide_at_pause(PAUSED, [GOOD, BAD], policy(when_failed="abort")) == Act("abort", reason)
    lenient = policy(when_passed="resume", pause_seconds=60)
    assert decide_at_pause(PAUSED, [GOOD, BAD], lenient) == Watch(f"{reason}; {BY_HAND}", 60)


def test_without_a_policy_a_person_goes_on() -> None:
    assert decide_at_pause(PAUSED, [], Progressive()) == Watch(f"{HERE}; {BY_HAND}", 86400)


def test_what_a_person_may_do_by_tidegate_is_said() -> None:
    more = Progressive(by_hand=("resume", "abort"))
    assert decide_at_pause(PAUSED, [], more).reason == f"{HERE}; {BY_HAND.replace('abort`', 'resume|abort`')}"
    none = Progressive(by_hand=())
    assert decide_at_pause(PAUSED, [], none).reason == f"{HERE}; {BY_HAND.partition(', or `')[0]}"


def test_a_pause_that_ends_by_itself_is_only_watched_unless_a_check_fails() -> None:
    timed = replace(PAUSED, pause_seconds=600.0)
    watched = decide_at_pause(timed, [GOOD], policy(when_passed="resume"))
    assert watched == Watch(f"{HERE}; {GOOD.reason}; it goes on by itself after 600 s", 86400, needs_a_person=False)
    assert isinstance(decide_at_pause(timed, [BAD], policy(when_failed="abort")), Act)


def test_the_way_back_takes_no_steps_where_the_policy_lets_something_go_on() -> None:
    back = decide_at_pause(PAUSED, [], policy(when_passed="resume"), is_way_back=True)
    assert back == Act("promote-full", f"{HERE}; on the way back nothing is tried out")
    assert isinstance(decide_at_pause(PAUSED, [], policy(), is_way_back=True), Watch)


def test_a_missing_right_leaves_it_to_a_person() -> None:
    assert wait_for_a_person(PAUSED, "the token lacks a right", Progressive(pause_seconds=9)) == Watch(
        f"{HERE}; the token lacks a right; until then, {BY_HAND}", 9
    )


def test_nothing_goes_on_without_being_asked_for() -> None:
    with pytest.raises(ValidationError, match="goes on without asking anything"):
        Progressive(when_passed="resume")
