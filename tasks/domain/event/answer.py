"""Whether what a person asks for on GitHub is done: who may have a pull request's code run on our workers."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tasks.domain.delivery.pull_requests import PullRequests
from tasks.domain.event.asked import Asked
from tasks.domain.feedback.pull_request import PullRequestFacts
from tasks.domain.wording import lasting


@dataclass(frozen=True, slots=True)
class Check:
    """The commit is checked."""

    commit: str


@dataclass(frozen=True, slots=True)
class AwaitMaintainer:
    """Nothing is run before somebody who may write to the repository has read the commit."""

    commit: str


@dataclass(frozen=True, slots=True)
class Decline:
    """It is not done, and why."""

    reason: str


Answer = Check | AwaitMaintainer | Decline


def decide_answer(
    asked: Asked,
    pull_request: PullRequestFacts,
    commit: str | None,
    *,
    person: str,
    person_may_write: bool,
    author_may_write: bool,
) -> Answer:
    """Decide from what GitHub says of the pull request and the people at this moment.

    The code of a fork is run only where its author and who pushed it may write anyway, or where somebody who may names
    the commit that they have read: another one can be pushed while they type.
    """
    if not pull_request.is_open:
        return Decline(f"pull request {pull_request.number} is closed")
    if asked is Asked.ADMIT:
        if commit != pull_request.head:
            return Decline(f"pull request {pull_request.number} has moved on to {pull_request.head[:7]}")
        is_known = not pull_request.is_fork or (person_may_write and author_may_write)
        return Check(pull_request.head) if is_known else AwaitMaintainer(pull_request.head)
    if not person_may_write:
        return Decline(f"{person} may not write to this repository, so it is for somebody else to ask for this")
    is_unknown = pull_request.is_fork and not author_may_write
    if commit is None and (is_unknown or asked is Asked.OK_TO_TEST):
        return Decline(f"name the commit that you have read: `/ok-to-test {pull_request.head}`")
    if commit not in {None, pull_request.head}:
        return Decline(f"the pull request has moved on; read that, and say `/ok-to-test {pull_request.head}`")
    return Check(pull_request.head)


def decide_retest(policy: PullRequests, followed: Iterable[datetime], now: datetime) -> Decline | None:
    """Whether one more /retest is too much; `followed` is when earlier ones for the pull request were."""
    window = timedelta(seconds=policy.within_seconds)
    recent = sorted(moment for moment in followed if now - moment < window)
    if len(recent) < policy.retests:
        return None
    if not policy.retests:
        return Decline("/retest is switched off here; push a commit, which is always checked")
    times = "once" if len(recent) == 1 else f"{len(recent)} times"
    again = recent[-policy.retests] + window
    return Decline(
        f"this pull request was checked again {times} within {lasting(policy.within_seconds)}; the next /retest is"
        f" followed from {again.astimezone(UTC):%H:%M} UTC on, and a new commit is always checked"
    )
