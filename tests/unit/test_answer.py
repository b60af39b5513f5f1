"""Whose code is run: decided from what GitHub says now, never from what an event claims."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tasks.domain.delivery.pull_requests import PullRequests
from tasks.domain.event.answer import AwaitMaintainer, Check, Decline, decide_answer, decide_retest
from tasks.domain.event.asked import Asked
from tasks.domain.feedback.pull_request import PullRequestFacts

HEAD, OLDER = "a" * 40, "b" * 40
OWN = PullRequestFacts(7, HEAD, "main", "dana", is_open=True, is_draft=False, is_fork=False)
FORK = replace(OWN, author="stranger", is_fork=True)


def decide(
    asked: Asked, pull: PullRequestFacts, commit: str | None = None, *, person: bool = True, author: bool = True
):
    return decide_answer(asked, pull, commit, person="rita", person_may_write=person, author_may_write=author)


@pytest.mark.parametrize(
    ("person", "author", "answer"),
    [
        (True, True, Check(HEAD)),
        (False, False, AwaitMaintainer(HEAD)),
        # A maintainer who pushes on top of a stranger's commits has not said that they have read them.
        (True, False, AwaitMaintainer(HEAD)),
        (False, True, AwaitMaintainer(HEAD)),
    ],
)
def test_a_fork_waits_unless_its_author_and_who_pushed_may_write(person: bool, author: bool, answer: object) -> None:
    assert decide(Asked.ADMIT, FORK, HEAD, person=person, author=author) == answer


def test_a_fork_that_has_moved_on_is_asked_about_with_its_newest_commit() -> None:
    assert decide(Asked.ADMIT, FORK, OLDER) == Decline("pull request 7 has moved on to aaaaaaa")


def test_ok_to_test_is_for_exactly_the_commit_that_was_read() -> None:
    assert decide(Asked.OK_TO_TEST, FORK, HEAD, author=False) == Check(HEAD)
    assert decide(Asked.OK_TO_TEST, FORK, OLDER, author=False) == Decline(
        f"the pull request has moved on; read that, and say `/ok-to-test {HEAD}`"
    )
    assert decide(Asked.OK_TO_TEST, FORK, None, author=False) == Decline(
        f"name the commit that you have read: `/ok-to-test {HEAD}`"
    )


def test_retest_does_not_let_a_strangers_code_run() -> None:
    assert decide(Asked.RETEST, OWN) == Check(HEAD)
    assert decide(Asked.RETEST, FORK, author=True) == Check(HEAD)
    assert decide(Asked.RETEST, FORK, author=False) == Decline(
        f"name the commit that you have read: `/ok-to-test {HEAD}`"
    )


@pytest.mark.parametrize("asked", [Asked.RETEST, Asked.OK_TO_TEST, Asked.RERUN])
def test_who_may_not_write_asks_in_vain(asked: Asked) -> None:
    for pull in (OWN, FORK):
        assert decide(asked, pull, HEAD, person=False) == Decline(
            "rita may not write to this repository, so it is for somebody else to ask for this"
        )


@pytest.mark.parametrize("asked", list(Asked))
def test_nothing_is_checked_for_a_closed_pull_request(asked: Asked) -> None:
    assert decide(asked, replace(OWN, is_open=False), HEAD) == Decline("pull request 7 is closed")


def test_a_check_of_an_older_commit_is_not_run_again() -> None:
    assert isinstance(decide(Asked.RERUN, OWN, OLDER), Decline)
    assert decide(Asked.RERUN, OWN, HEAD) == Check(HEAD)


NOON = datetime(2031, 5, 17, 12, tzinfo=UTC)


def minutes_ago(*minutes: int) -> list[datetime]:
    return [NOON - timedelta(minutes=number) for number in minutes]


def retest(retests: int, *minutes: int) -> Decline | None:
    return decide_retest(PullRequests(retests=retests, within_seconds=3600), minutes_ago(*minutes), NOON)


def test_a_pull_request_is_checked_again_only_so_often() -> None:
    assert retest(2) is None
    assert retest(2, 5) is None
    assert retest(2, 5, 61, 300) is None
    assert retest(2, 5, 20) == Decline(
        "this pull request was checked again 2 times within 1 h; the next /retest is followed from 12:40 UTC on,"
        " and a new commit is always checked"
    )
    assert "again once within 1 h; the next /retest is followed from 12:55 UTC" in str(retest(1, 5))


def test_with_more_than_were_allowed_the_last_ones_count() -> None:
    assert "followed from 12:40 UTC on" in str(retest(2, 50, 5, 20, 40))


def test_retest_can_be_switched_off() -> None:
    assert retest(0) == Decline("/retest is switched off here; push a commit, which is always checked")
