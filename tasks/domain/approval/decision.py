"""A person's decision on one candidate for one environment, and the rules that make it count."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.delivery.approval import ApprovalPolicy


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back from the form; a claim until decide_approval has looked at it."""

    decision: Literal["approve", "reject"]
    approver: str
    comment: str
    answered_at: datetime


@dataclass(frozen=True, slots=True)
class Approval:
    """A decision that counts, for exactly this digest in this environment."""

    environment: str
    digest: str
    approver: str
    comment: str
    approved_at: datetime


@dataclass(frozen=True, slots=True)
class Rejected:
    """A person said no."""

    reason: str


@dataclass(frozen=True, slots=True)
class Expired:
    """Nobody decided in time."""

    reason: str


@dataclass(frozen=True, slots=True)
class AskAgain:
    """The answer does not count; the same question is asked once more with the reason."""

    reason: str


def decide_approval(
    policy: ApprovalPolicy,
    candidate: ReleaseCandidate,
    environment: str,
    answer: Answer,
    authors: frozenset[str],
) -> Approval | Rejected | AskAgain:
    """Whether this answer is an approval under the policy.

    A rejection counts from anyone: stopping is always safe. `authors` are all names, logins and mail addresses of those
    who wrote what is new in the candidate.
    """
    name = answer.approver.strip()
    if answer.decision == "reject":
        comment = answer.comment.strip()
        return Rejected(
            f"{name or 'someone'} rejected {candidate.name} for {environment}" + (f": {comment}" if comment else "")
        )
    if not name:
        return AskAgain("an approval needs a name; fill in who approves")
    if policy.approvers and not _is_among(name, policy.approvers):
        return AskAgain(f"{name} may not approve for {environment}; one of {', '.join(policy.approvers)} may")
    if not policy.author_may_approve and _is_among(name, authors):
        return AskAgain(f"{name} wrote part of {candidate.name}; somebody else has to approve it")
    return Approval(environment, candidate.digest, name, answer.comment.strip(), answer.answered_at)


def _is_among(name: str, names: tuple[str, ...] | frozenset[str]) -> bool:
    return name.casefold() in {known.strip().casefold() for known in names}
