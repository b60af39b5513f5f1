"""Changes the desired state by a pull request: opens it, waits until GitHub lets it be merged, and merges it.

The environment is held only for the merge and the rollout, not for the wait. A run that was lost finds its pull request
again by the branch's name.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from prefect import State, get_run_logger
from prefect.runtime import flow_run

from blocks.github import GitHub
from flows.endings import end
from flows.places.hold import hold
from flows.places.place import Place
from flows.promotion.facts import changes_since
from flows.promotion.packet import gather_packet
from flows.promotion.review import Reviewed, begin_review, judge
from flows.promotion.roll_out import change_of, follow, prepare
from tasks.artifacts import report_page
from tasks.domain.approval.decision import Approval, AskAgain, Expired, Rejected
from tasks.domain.approval.question import proposal_page
from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.delivery.approval import ApprovalPolicy
from tasks.domain.errors import ConfigurationError
from tasks.domain.promotion.decision import Decision, NotNow, Promote, Refuse, UpToDate
from tasks.domain.promotion.history import promotion_message
from tasks.domain.promotion.pull_request import (
    Blocked,
    Closed,
    Merged,
    Outdated,
    PullRequest,
    Ready,
    body_of,
    branch_of,
    decide_pull_request,
    family_of,
    waiting_page,
    whole_page,
)
from tasks.github.proposals import (
    close_superseded,
    delete_branch,
    merge_pull_request,
    open_pull_request,
    read_pull_request,
)
from tasks.gitops.desired_state import propose_image, write_image
from tasks.runs.promotions import run_url


@dataclass(frozen=True, slots=True)
class Proposal:
    """A pull request that may be merged now, or is already, and who approved it."""

    pull: PullRequest
    standing: Ready | Merged
    approval: Approval | None


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
        with hold(place.environment):
            ending = _write(place, candidate, found, approval, look)
        if not isinstance(ending, Blocked):
            return ending
        # GitHub has changed its mind, or has a rule that it tells only who wants to merge.
        refused = ending.reason
        get_run_logger().warning("GitHub does not merge it: %s", refused)
        time.sleep(place.env.write.poll_seconds)


def _write(
    place: Place,
    candidate: ReleaseCandidate,
    proposal: Proposal | None,
    approval: Approval | None,
    look: Callable[[], Decision],
) -> State | NotNow | Blocked:
    """Only for the run that holds the environment; Blocked where GitHub does not merge it after all."""
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
    merged = _merge(place, candidate, proposal, broken_glass)
    if isinstance(merged, Blocked):
        return merged
    return follow(place, candidate, proposal.approval, merged.commit, broken_glass)


def _propose(
    place: Place, candidate: ReleaseCandidate, approval: Approval | None, look: Callable[[], Decision], refused: str
) -> Proposal | State | NotNow | None:
    """The pull request once it may be merged, or why it will not be; None where there is nothing to change any more.

    `refused` is what GitHub said when it did not merge it the last time.
    """
    repository, github = _repository(place)
    change = change_of(place, candidate, approval)
    branch, base = branch_of(change), place.gitops.branch
    # Before what tells that the base does not hold the image yet.
    reviewed = begin_review(place, candidate)
    if propose_image(place.gitops, place.env.manifest, candidate.image, change, branch) is None:
        return None
    title = promotion_message(change).partition("\n")[0]
    body = _body(place, candidate, approval)
    pull = open_pull_request(github, repository, branch, base, title=title, body=body, labels=place.env.write.labels)
    get_run_logger().info("pull request #%d: %s", pull.number, pull.url)
    close_superseded(github, repository, base, family_of(change), pull)
    return _wait(place, candidate, pull, reviewed or approval, look, refused)


def _wait(
    place: Place,
    candidate: ReleaseCandidate,
    pull: PullRequest,
    approval: Reviewed | Approval | None,
    look: Callable[[], Decision],
    refused: str,
) -> Proposal | State | NotNow:
    repository, github = _repository(place)
    rules = place.env.write
    deadline = _deadline(pull, timedelta(seconds=rules.wait_seconds))
    told = ""
    while True:
        pull = read_pull_request(github, repository, pull.number)
        standing = decide_pull_request(pull)
        given = judge(approval, pull) if isinstance(approval, Reviewed) else approval
        is_late = datetime.now(UTC) > deadline
        match standing:
            case Merged() if isinstance(given, AskAgain):
                return end(_merged_unapproved(place, pull, given))
            case Closed(reason):
                decision = look()
                return decision if not isinstance(decision, Promote | UpToDate) else end(Rejected(reason))
            case Ready() | Merged() if not isinstance(given, AskAgain) and not (is_late and refused):
                return Proposal(pull, standing, given)
            case Ready() | Merged():
                reason = _still_missing(given) if isinstance(given, AskAgain) else refused
            case Blocked(reason):
                pass
            case Outdated(reason):
                _make_anew(place, candidate, given if isinstance(given, Approval) else None)
        if reason != told:
            _tell(place, candidate, pull, reason)
            told = reason
        if is_late:
            return end(_expired(pull, reason))
        time.sleep(rules.poll_seconds)


def _tell(place: Place, candidate: ReleaseCandidate, pull: PullRequest, reason: str) -> None:
    get_run_logger().info("pull request #%d waits: %s", pull.number, reason)
    page = waiting_page(candidate.name, place.environment, pull, reason)
    report_page(place.application, f"{place.environment}-pull-request", page, f"{candidate.name}: {pull.url}")


def _deadline(pull: PullRequest, wait: timedelta) -> datetime:
    """From when it was opened, so that a run that was lost waits no longer; but who starts it later has time again."""
    now = datetime.now(UTC)
    since_opened = (pull.opened_at or now) + wait
    return since_opened if since_opened > now else now + wait


def _make_anew(place: Place, candidate: ReleaseCandidate, approval: Approval | None) -> None:
    change = change_of(place, candidate, approval)
    propose_image(place.gitops, place.env.manifest, candidate.image, change, branch_of(change), on_newest=True)


def _merge(place: Place, candidate: ReleaseCandidate, proposal: Proposal, broken_glass: str) -> Merged | Blocked:
    if isinstance(proposal.standing, Merged):
        return proposal.standing
    repository, github = _repository(place)
    change = change_of(place, candidate, proposal.approval, broken_glass)
    title, _, message = promotion_message(change).partition("\n\n")
    pull = proposal.pull
    merged = merge_pull_request(
        github,
        repository,
        pull.number,
        pull.head,
        method=place.env.write.merge,
        title=f"{title} (#{pull.number})",
        message=message,
    )
    if isinstance(merged, Merged):
        # Whether it could be tidied up or not, the change is made.
        delete_branch(github, repository, branch_of(change), return_state=True)
    return merged


def _repository(place: Place) -> tuple[str, GitHub]:
    name = place.gitops.name_on_github
    if name is None:
        raise ConfigurationError(
            f"{place.environment} is changed by pull requests, but {place.gitops.url} is no address of a repository on "
            "GitHub; correct the GitOps block, or let it be changed by a push"
        )
    return name, place.gitops.github or place.github


def _body(place: Place, candidate: ReleaseCandidate, approval: Approval | None) -> str:
    policy = place.env.approval or ApprovalPolicy()
    changes = changes_since(place, candidate)
    question = gather_packet(place, candidate, policy, changes, expires="", standing=AskAgain(""))
    if place.env.write.asks_on_github:
        rules = "Merged as soon as the branch's rules allow it and enough people who may have approved it here"
    elif approval:
        rules = f"Approved by {approval.approvers}; merged as soon as the branch's rules allow it"
    else:
        rules = "Merged as soon as the branch's rules allow it"
    page = proposal_page(question, f"{rules}. Closing it rejects the promotion.")
    topic = f"{place.environment}-proposal"
    report_page(place.application, topic, page, f"{candidate.name}: what the pull request says")
    return body_of(page, whole_page(run_url(str(flow_run.id)), place.application, topic))


def _merged_unapproved(place: Place, pull: PullRequest, given: AskAgain) -> Refuse:
    return Refuse(
        f"{pull.merged_by or 'somebody'} merged pull request #{pull.number}, which is not an approval for "
        f"{place.environment}: {_still_missing(given)}; the change is on the branch, take it back or promote it again"
    )


def _still_missing(given: AskAgain) -> str:
    missing = f"approvals that are still missing: {', '.join(given.missing)}"
    return f"{given.reason}; {missing}" if given.reason else missing


def _expired(pull: PullRequest, reason: str) -> Expired:
    return Expired(f"pull request #{pull.number} was not merged in time: {reason}; it stays open: merge or close it")
