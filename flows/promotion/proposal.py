"""A promotion's pull request: where it is, what stands in it, and how waiting for it ends."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from prefect import get_run_logger
from prefect.runtime import flow_run

from blocks.github import GitHub
from flows.places.place import Place
from flows.promotion.facts import changes_since
from flows.promotion.packet import gather_packet
from flows.promotion.review import Reviewed
from tasks.artifacts import report_page
from tasks.domain.approval.decision import Approval, AskAgain, Expired
from tasks.domain.approval.question import proposal_page
from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.delivery.approval import ApprovalPolicy
from tasks.domain.errors import ConfigurationError
from tasks.domain.promotion.decision import Refuse
from tasks.domain.promotion.history import Change
from tasks.domain.promotion.pull_request import Merged, PullRequest, Ready
from tasks.domain.promotion.pull_request_text import body_of, waiting_page, whole_page
from tasks.runs.promotions import run_url


@dataclass(frozen=True, slots=True)
class Proposal:
    """A pull request that may be merged now, or is already, what it changes, and who approved it.

    `reviewed` is what the approvals were judged by, where they were given on the pull request.
    """

    pull: PullRequest
    standing: Ready | Merged
    approval: Approval | None
    change: Change
    reviewed: Reviewed | None = None


def repository_of(place: Place) -> tuple[str, GitHub]:
    """Where it is; raises ConfigurationError where the GitOps repository is not on GitHub."""
    name = place.gitops.name_on_github
    if name is None:
        raise ConfigurationError(
            f"{place.environment} is changed by pull requests, but {place.gitops.url} is no address of a repository on "
            "GitHub; correct the GitOps block, or let it be changed by a push"
        )
    return name, place.gitops.github or place.github


def body(place: Place, candidate: ReleaseCandidate, approval: Approval | None) -> str:
    """What stands in it; all of it is an artifact of this run too, for GitHub limits its length."""
    policy = place.env.approval or ApprovalPolicy()
    changes = changes_since(place, candidate)
    question = gather_packet(place, candidate, policy, changes, expires="", standing=AskAgain(""))
    page = proposal_page(question, f"{_rules(place, approval)}. Closing it rejects the promotion.")
    topic = f"{place.environment}-proposal"
    report_page(place.application, topic, page, f"{candidate.name}: what the pull request says")
    return body_of(page, whole_page(run_url(str(flow_run.id)), place.application, topic))


def tell(place: Place, candidate: ReleaseCandidate, pull: PullRequest, reason: str) -> None:
    """Say what it waits for, in the log and on a page."""
    get_run_logger().info("pull request #%d waits: %s", pull.number, reason)
    page = waiting_page(candidate.name, place.environment, pull, reason)
    report_page(place.application, f"{place.environment}-pull-request", page, f"{candidate.name}: {pull.url}")


def deadline(pull: PullRequest, wait: timedelta) -> datetime:
    """From when it was opened, so that a run that was lost waits no longer; but who starts it later has time again."""
    now = datetime.now(UTC)
    since_opened = (pull.opened_at or now) + wait
    return since_opened if since_opened > now else now + wait


def merged_unapproved(place: Place, pull: PullRequest, given: AskAgain) -> Refuse:
    """How it ends where somebody merged it whose merge is no approval."""
    return Refuse(
        f"{pull.merged_by or 'somebody'} merged pull request #{pull.number}, which is not an approval for "
        f"{place.environment}: {still_missing(given)}; the change is on the branch, take it back or promote it again"
    )


def still_missing(given: AskAgain) -> str:
    """Why the approvals are not enough."""
    missing = f"approvals that are still missing: {', '.join(given.missing)}"
    return f"{given.reason}; {missing}" if given.reason else missing


def expired(pull: PullRequest, reason: str) -> Expired:
    """How it ends where nobody merged it."""
    return Expired(f"pull request #{pull.number} was not merged in time: {reason}; it stays open: merge or close it")


def _rules(place: Place, approval: Approval | None) -> str:
    if place.env.write.asks_on_github:
        return "Merged as soon as the branch's rules allow it and enough people who may have approved it here"
    if approval:
        return f"Approved by {approval.approvers}; merged as soon as the branch's rules allow it"
    return "Merged as soon as the branch's rules allow it"
