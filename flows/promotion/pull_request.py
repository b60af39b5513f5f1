"""Opens a promotion's pull request, and waits until it may be merged; flows.promotion.propose merges it."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from prefect import State, get_run_logger

from flows.endings import end
from flows.places.place import Place
from flows.promotion.proposal import (
    Proposal,
    body,
    deadline,
    expired,
    merged_unapproved,
    repository_of,
    still_missing,
    tell,
)
from flows.promotion.review import Reviewed, begin_review, judge
from flows.promotion.roll_out import change_of
from tasks.domain.approval.decision import Approval, AskAgain, Rejected
from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.promotion.decision import Decision, NotNow, Promote, UpToDate
from tasks.domain.promotion.history import Change, promotion_message
from tasks.domain.promotion.pull_request import (
    Blocked,
    Closed,
    Merged,
    Outdated,
    PullRequest,
    Ready,
    branch_of,
    decide_pull_request,
    family_of,
)
from tasks.github.proposals import close_superseded, open_pull_request, read_pull_request
from tasks.github.reviewers import request_reviews
from tasks.gitops.code_owners import read_code_owners
from tasks.gitops.desired_state import propose_image


def open_and_wait(
    place: Place, candidate: ReleaseCandidate, approval: Approval | None, look: Callable[[], Decision], refused: str
) -> Proposal | State | NotNow | None:
    """The pull request once it may be merged, or why it will not be; None where there is nothing to change any more.

    `refused` is what GitHub said when it did not merge it the last time.
    """
    repository, github = repository_of(place)
    change = change_of(place, candidate, approval)
    branch, base = branch_of(change), place.gitops.branch
    # Before what tells that the base does not hold the image yet.
    reviewed = begin_review(place, candidate)
    if propose_image(place.gitops, place.env.manifest, candidate.image, change, branch) is None:
        return None
    title = promotion_message(change).partition("\n")[0]
    text, labels = body(place, candidate, approval), place.env.write.labels
    pull = open_pull_request(github, repository, branch, base, title=title, body=text, labels=labels)
    get_run_logger().info("pull request #%d: %s", pull.number, pull.url)
    close_superseded(github, repository, base, family_of(change), pull)
    owners = read_code_owners(place.gitops, place.env.manifest.file)
    if problem := request_reviews(github, repository, pull.number, owners):
        get_run_logger().warning("the code owners cannot be asked for a review: %s", problem)
    return _wait(place, candidate, pull, reviewed or approval, change, look, refused)


def _wait(
    place: Place,
    candidate: ReleaseCandidate,
    pull: PullRequest,
    approval: Reviewed | Approval | None,
    change: Change,
    look: Callable[[], Decision],
    refused: str,
) -> Proposal | State | NotNow:
    repository, github = repository_of(place)
    rules, reviewed = place.env.write, approval if isinstance(approval, Reviewed) else None
    until, told = deadline(pull, timedelta(seconds=rules.wait_seconds)), ""
    while True:
        pull = read_pull_request(github, repository, pull.number)
        standing = decide_pull_request(pull)
        given = judge(approval, pull) if isinstance(approval, Reviewed) else approval
        is_late = datetime.now(UTC) > until
        match standing:
            case Merged() if isinstance(given, AskAgain):
                return end(merged_unapproved(place, pull, given))
            case Closed(reason):
                decision = look()
                return decision if not isinstance(decision, Promote | UpToDate) else end(Rejected(reason))
            case Ready() | Merged() if not isinstance(given, AskAgain) and not (is_late and refused):
                return Proposal(pull, standing, given, change, reviewed)
            case Ready() | Merged():
                reason = still_missing(given) if isinstance(given, AskAgain) else refused
            case Blocked(reason):
                pass
            case Outdated(reason):
                _make_anew(place, candidate, given if isinstance(given, Approval) else None)
        if reason != told:
            tell(place, candidate, pull, reason)
            told = reason
        if is_late:
            return end(expired(pull, reason))
        time.sleep(rules.poll_seconds)


def _make_anew(place: Place, candidate: ReleaseCandidate, approval: Approval | None) -> None:
    change = change_of(place, candidate, approval)
    propose_image(place.gitops, place.env.manifest, candidate.image, change, branch_of(change), on_newest=True)
