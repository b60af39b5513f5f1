"""Changes the desired state by a pull request: lets it be opened, merges it once that is allowed, and follows it.

The environment is held only for the merge and the rollout, not for the wait. A run that was lost finds its pull request
again by the branch's name.
"""

import time
from collections.abc import Callable
from dataclasses import replace

from prefect import State, get_run_logger

from flows.places.hold import hold
from flows.places.place import Place
from flows.promotion.merge_queue import wait_in_queue
from flows.promotion.merged import keep_reviews, record_merge
from flows.promotion.proposal import Proposal, repository_of
from flows.promotion.pull_request import open_and_wait
from flows.promotion.roll_out import change_of, follow, prepare
from tasks.domain.approval.decision import Approval
from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.promotion.decision import Decision, NotNow, Promote, UpToDate
from tasks.domain.promotion.history import Change, promotion_message
from tasks.domain.promotion.pull_request import Blocked, InQueue, Merged, branch_of
from tasks.github.proposals import delete_branch, merge_pull_request
from tasks.gitops.desired_state import write_image


def change_by_pull_request(
    place: Place, candidate: ReleaseCandidate, approval: Approval | None, look: Callable[[], Decision]
) -> State | NotNow:
    """What change does, for an environment that takes pull requests only; `look` decides anew, as things are then."""
    refused = ""
    while True:
        decision = look()
        if not isinstance(decision, Promote | UpToDate):
            return decision
        found = open_and_wait(place, candidate, approval, look, refused) if isinstance(decision, Promote) else None
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
