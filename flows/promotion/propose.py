"""Changes the desired state by a pull request: opens it, waits until GitHub lets it be merged, and merges it.

The environment is held only for the merge and the rollout, not for the wait. A run that was lost finds its pull request
again by the branch's name.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from prefect import State, get_run_logger

from flows.endings import end
from flows.places.hold import hold
from flows.places.place import Place
from flows.promotion.merge_queue import wait_in_queue
from flows.promotion.merged import keep_reviews, record_merge
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
from flows.promotion.roll_out import change_of, follow, prepare
from tasks.domain.approval.decision import Approval, AskAgain, Rejected
from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.promotion.decision import Decision, NotNow, Promote, UpToDate
from tasks.domain.promotion.history import Change, promotion_message
from tasks.domain.promotion.pull_request import (
    Blocked,
    Closed,
    InQueue,
    Merged,
    Outdated,
    PullRequest,
    Ready,
    branch_of,
    decide_pull_request,
    family_of,
)
from tasks.github.proposals import (
    close_superseded,
    delete_branch,
    merge_pull_request,
    open_pull_request,
    read_pull_request,
)
from tasks.github.reviewers import request_reviews
from tasks.gitops.code_owners import read_code_owners
from tasks.gitops.desired_state import propose_image, write_image


def change_by_pull_request(
    place: Place, candidate: ReleaseCandidate, approval: Approval | None, look: Callable[[], Decision]
) -> State | NotNow:
    """What change does, for an environment that takes pull requests only; `look` decides anew, as things are then."""
    refused = ""
    while True:
        decision = look()
        if not isinstance(decision, Promote | UpToDate):
            return decision
        found = _propose(place, candidate, approval, look, refused) if isinstance(decision, Promote) else None
        if isinstance(found, State | NotNow):
            return found
        ending = _write_or_queue(place, candidate, found, approval, look)
        if not isinstance(ending, Blocked):
            return ending
        # GitHub has changed its mind, or has a rule that it tells only who wants to merge.
        refused = ending.reason
        get_run_logger().warning("GitHub does not merge it: %s", refused)
        time.sleep(place.env.write.poll_seconds)


def _write_or_queue(
    place: Place,
    candidate: ReleaseCandidate,
    proposal: Proposal | None,
    approval: Approval | None,
    look: Callable[[], Decision],
) -> State | NotNow | Blocked:
    """Hold the environment to write; what GitHub only queues is waited for, and followed once it is merged."""
    with hold(place.environment):
        ending = _write(place, candidate, proposal, approval, look)
    if not isinstance(ending, Proposal):
        return ending
    queued = wait_in_queue(place, candidate, ending, look)
    if not isinstance(queued, Proposal):
        return queued
    with hold(place.environment):
        ending = _write(place, candidate, queued, approval, look)
    if isinstance(ending, Proposal):
        raise AssertionError("what is merged is not queued")
    return ending


def _write(
    place: Place,
    candidate: ReleaseCandidate,
    proposal: Proposal | None,
    approval: Approval | None,
    look: Callable[[], Decision],
) -> State | NotNow | Blocked | Proposal:
    """Only for the run that holds the environment; Blocked where GitHub does not merge it after all.

    The proposal where it is in GitHub's merge queue now.
    """
    # What somebody has merged is on its way already, and has to be followed.
    is_merged = proposal is not None and isinstance(proposal.standing, Merged)
    decision = look()
    if not is_merged and not isinstance(decision, Promote | UpToDate):
        return decision
    broken_glass = decision.broken_glass if isinstance(decision, Promote) else ""
    if refused := prepare(place, candidate):
        return refused
    if proposal is None:
        change = change_of(place, candidate, approval, broken_glass)
        revision = write_image(place.gitops, place.env.manifest, candidate.image, change).revision
        return follow(place, candidate, approval, revision, broken_glass)
    if is_merged:
        proposal = replace(proposal, change=_approved(proposal))
    else:
        proposal = replace(proposal, change=change_of(place, candidate, proposal.approval, broken_glass))
    merged = _merge(place, proposal)
    if isinstance(merged, InQueue):
        return proposal
    if isinstance(merged, Blocked):
        return merged
    _tidy_up(place, candidate, proposal, merged)
    return follow(place, candidate, proposal.approval, merged.commit, proposal.change.break_glass)


def _propose(
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


def _approved(proposal: Proposal) -> Change:
    """What was merged, as it was before, with whoever approved it meanwhile."""
    approval = proposal.approval
    approvers, comment = (approval.approvers, approval.comment) if approval else ("", "")
    return replace(proposal.change, approved_by=approvers, reason=comment)


def _merge(place: Place, proposal: Proposal) -> Merged | InQueue | Blocked:
    if isinstance(proposal.standing, Merged):
        return proposal.standing
    repository, github = repository_of(place)
    title, _, message = promotion_message(proposal.change).partition("\n\n")
    pull = proposal.pull
    return merge_pull_request(
        github,
        repository,
        pull.number,
        pull.head,
        method=place.env.write.merge,
        title=f"{title} (#{pull.number})",
        message=message,
    )


def _tidy_up(place: Place, candidate: ReleaseCandidate, proposal: Proposal, merged: Merged) -> None:
    """Keep who approved it, and remove its branch; whether that works or not, the change is made."""
    repository, github = repository_of(place)
    record_merge(place, proposal.change, merged.commit)
    keep_reviews(candidate, proposal)
    delete_branch(github, repository, branch_of(proposal.change), return_state=True)
