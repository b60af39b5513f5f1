"""Takes a rollout through the pauses of its Argo Rollouts: asks the checks there, and goes on where it may."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from prefect import get_run_logger

from flows.places.everywhere import targets_of
from flows.places.place import Place
from flows.promotion.post_deploy import ask_at_pause
from tasks.argocd.actions import read_rollouts, run_action, wait_while_paused
from tasks.artifacts import report_page
from tasks.domain.errors import AccessRefused
from tasks.domain.message import plain
from tasks.domain.rollout.facts import Expectation
from tasks.domain.rollout.progressive import Act, ProgressiveRollout, Watch, decide_at_pause, wait_for_a_person
from tasks.domain.rollout.verdict import RolloutKind, RolloutVerdict
from tasks.domain.verdict import failed
from tasks.watch import announce

# Follows a rollout until its verdict is final or, with `stop_at_pause`, until it pauses.
Follow = Callable[..., RolloutVerdict]
# For so long Argo CD's health may still tell of a pause that is over, or that is not an Argo Rollout's.
_LONGEST_ECHO_SECONDS = 60.0


def follow_through_pauses(
    place: Place, expectation: Expectation, commit: str, follow: Follow, *, is_way_back: bool
) -> RolloutVerdict:
    """The final verdict. The time at a pause does not count: the limits begin anew when it is over."""
    answered: set[object] = set()
    evidence: tuple[str, ...] = ()
    echo_since: float | None = None
    while True:
        is_echo = echo_since is not None and time.monotonic() - echo_since > _LONGEST_ECHO_SECONDS
        verdict = follow(expectation, stop_at_pause=not is_echo)
        if verdict.is_final:
            return replace(verdict, evidence=(*evidence, *verdict.evidence))
        new = [(at, each) for at, each in _paused(place) if (at, each.pause) not in answered]
        if not new:
            echo_since = echo_since or time.monotonic()
            time.sleep(place.env.rollout.poll_seconds)
            continue
        for at, rollout in new:
            answered.add((at, rollout.pause))
            said, ending = _at_pause(place, at, rollout, expectation, commit, is_way_back=is_way_back)
            evidence += (said,)
            if ending:
                return replace(ending, evidence=evidence)
        expectation, echo_since = replace(expectation, pushed_at=datetime.now(UTC)), None


def _paused(place: Place) -> list[tuple[int, ProgressiveRollout]]:
    """Each with the number of the application, among the environment's, that manages it."""
    return [
        (number, each)
        for number, (server, target) in enumerate(targets_of(place))
        for each in read_rollouts(server, target)
        if each.is_paused
    ]


def _at_pause(
    place: Place, at: int, rollout: ProgressiveRollout, expectation: Expectation, commit: str, *, is_way_back: bool
) -> tuple[str, RolloutVerdict | None]:
    """What was seen and done, and the verdict where the rollout ends here."""
    log, policy = get_run_logger(), place.env.progressive
    log.info("%s: %s", place.environment, rollout)
    answers = [] if is_way_back else ask_at_pause(place, expectation.image, commit)
    answer = decide_at_pause(rollout, answers, policy, is_way_back=is_way_back)
    if isinstance(answer, Act):
        try:
            return _act(place, at, rollout, answer)
        except AccessRefused as error:
            if answer.action == "abort":
                # What git says next ends the canary as well.
                return _ended(place, f"{answer.reason}; it cannot be aborted, only taken back in git: {error}")
            answer = wait_for_a_person(rollout, str(error), policy)
    return _watch(place, at, rollout, answer)


def _act(place: Place, at: int, rollout: ProgressiveRollout, act: Act) -> tuple[str, RolloutVerdict | None]:
    server, target = targets_of(place)[at]
    done = run_action(server, target, rollout, act.action)
    sentence = f"{place.environment}: {act.reason}: {act.action}" + ("" if done else " was not needed any more")
    get_run_logger().info(sentence)
    return _ended(place, f"{act.reason}; aborted") if act.action == "abort" and done else (sentence, None)


def _ended(place: Place, reason: str) -> tuple[str, RolloutVerdict]:
    sentence = f"{place.environment}: {reason}"
    return sentence, RolloutVerdict(failed(sentence), RolloutKind.ABORTED)


def _watch(place: Place, at: int, rollout: ProgressiveRollout, watch: Watch) -> tuple[str, RolloutVerdict | None]:
    sentence = f"{place.environment}: {watch.reason}"
    get_run_logger().warning("%s", sentence)
    if watch.needs_a_person:
        _call(place, sentence)
    poll = place.env.rollout.poll_seconds
    server, target = targets_of(place)[at]
    is_over = wait_while_paused(server, target, rollout, seconds=watch.seconds, poll_seconds=poll)
    if is_over:
        return sentence, None
    reason = f"{sentence}; nobody did within {watch.seconds:g} s"
    return sentence, RolloutVerdict(failed(reason), RolloutKind.TIMED_OUT)


def _call(place: Place, sentence: str) -> None:
    """Let people know: a page that stays, and an event that automations can send on."""
    title = f"{place.application} in {place.environment} waits for a person"
    report_page(place.application, f"{place.environment}-pause", f"## {title}\n\n{plain(sentence, 1000)}", title)
    announce("tidegate.rollout.paused", f"{place.environment}.{place.application}", sentence)
