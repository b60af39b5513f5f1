"""People's decisions on one candidate for one environment, and the rules that make them count."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from tasks.domain.approval.person import Person, fold_names
from tasks.domain.approval.quorum import find_missing
from tasks.domain.candidate import Promotable
from tasks.domain.delivery.approval import ApprovalPolicy, Identity


@dataclass(frozen=True, slots=True)
class Answer:
    """What one person said; a claim until decide_approval has looked at it.

    `flaw` says why the proof that came with it is worth nothing, such as a wrong code.
    """

    decision: Literal["approve", "reject"]
    person: Person
    comment: str
    answered_at: datetime
    flaw: str = ""


@dataclass(frozen=True, slots=True)
class Approval:
    """A decision that counts, for exactly this digest in this environment, or these; one answer for each approver."""

    environment: str
    digest: str
    answers: tuple[Answer, ...]

    @property
    def approvers(self) -> str:
        """Everybody who approved, and how each is known, in one line."""
        return ", ".join(answer.person.words for answer in self.answers)

    @property
    def comment(self) -> str:
        """What they said about it, in one line."""
        return "; ".join(answer.comment for answer in self.answers if answer.comment)


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
    """Not decided yet: the same question is asked once more.

    `reason` says why the last answer does not count, and is empty where it does; `given` are those that count, and
    `missing` says who else is needed.
    """

    reason: str
    given: tuple[Answer, ...] = ()
    missing: tuple[str, ...] = ()


Decision = Approval | Rejected | AskAgain


def decide_approval(
    policy: ApprovalPolicy,
    candidate: Promotable,
    environment: str,
    answers: Sequence[Answer],
    involved: frozenset[str],
) -> Decision:
    """What the answers come to under the policy, in the order in which they came.

    A rejection counts from anyone: stopping is always safe. `involved` are all names, logins and mail addresses of
    those who wrote, merged or pushed what is new in the candidate.
    """
    given: list[Answer] = []
    refusal = ""
    for answer in answers:
        if answer.decision == "reject":
            return _rejected(candidate, environment, answer)
        refusal = next(_refusals(policy, candidate, environment, answer, given, involved), "")
        if not refusal:
            given.append(answer)
    missing = find_missing(policy, [answer.person for answer in given])
    if missing:
        return AskAgain(refusal, tuple(given), missing)
    return Approval(environment, candidate.digest, tuple(given))


def _refusals(
    policy: ApprovalPolicy,
    candidate: Promotable,
    environment: str,
    answer: Answer,
    given: Sequence[Answer],
    involved: frozenset[str],
) -> Iterator[str]:
    """Why it does not count; the first is the one to tell."""
    person, name = answer.person, " ".join(answer.person.name.split())
    if answer.flaw:
        yield answer.flaw
    if not person.keys:
        yield "an approval needs a name; fill in who approves"
    if person.proof not in policy.identity:
        yield f"nothing proves that this is {name}; {environment} asks for {ways_to_prove(policy)}"
    if policy.named and not person.is_among(policy.named):
        yield f"{name} may not approve for {environment}; one of {', '.join(policy.named)} may"
    if not policy.author_may_approve and person.keys & fold_names(involved):
        yield f"{name} wrote, merged or pushed part of {candidate.name}; somebody else has to approve it"
    if any(person.is_same(other.person) for other in given):
        yield f"{name} has approved already; somebody else has to as well"


def ways_to_prove(policy: ApprovalPolicy) -> str:
    """What the policy accepts, as a person reads it."""
    ways = {
        Identity.CLAIMED: "a name",
        Identity.ONE_TIME_CODE: "a one-time code",
        Identity.GITHUB: "/approve on GitHub",
        Identity.PROXY: "the approval page",
    }
    return " or ".join(ways[proof] for proof in policy.identity)


def _rejected(candidate: Promotable, environment: str, answer: Answer) -> Rejected:
    name, comment = answer.person.name.strip(), answer.comment.strip()
    return Rejected(
        f"{name or 'someone'} rejected {candidate.name} for {environment}" + (f": {comment}" if comment else "")
    )
