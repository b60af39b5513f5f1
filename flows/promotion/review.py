"""Approvals that are given on the pull request itself: by approving reviews, and by merging it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from flows.places.place import Place
from flows.promotion.facts import changes_since
from flows.promotion.people import involved_in, person_on_github
from tasks.domain.approval.decision import Answer, Approval, AskAgain, decide_approval
from tasks.domain.approval.person import Person
from tasks.domain.approval.record import Asked
from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.delivery.approval import ApprovalPolicy, Identity
from tasks.domain.promotion.pull_request import PullRequest, approving


@dataclass(slots=True)
class Reviewed:
    """What does not change while a pull request waits, asked for once: whose work it is, and who is in which team."""

    place: Place
    candidate: ReleaseCandidate
    policy: ApprovalPolicy
    involved: frozenset[str]
    asked: Asked
    people: dict[str, Person] = field(default_factory=dict)

    def person(self, login: str) -> Person:
        """Who has this account; GitHub says so, nobody else."""
        if login not in self.people:
            self.people[login] = person_on_github(self.place, self.policy, login)
        return self.people[login]


def begin_review(place: Place, candidate: ReleaseCandidate) -> Reviewed | None:
    """None where approvals are not given on the pull request.

    Only before the change can be on the branch: afterwards nothing in it is new any more, and so nobody's work.
    """
    policy = place.env.approval
    if policy is None or not place.env.write.asks_on_github:
        return None
    changes = changes_since(place, candidate)
    involved = frozenset[str]() if policy.author_may_approve else involved_in(place, candidate, changes)
    asked = Asked(place.application, place.environment, candidate.commit, changes.base or "")
    return Reviewed(place, candidate, policy, involved, asked)


def judge(reviewed: Reviewed, pull: PullRequest) -> Approval | AskAgain:
    """What the reviews of the newest commit and the merge come to under the environment's policy."""
    place, candidate = reviewed.place, reviewed.candidate
    answers = [
        Answer("approve", reviewed.person(one.login), one.body, one.said_at or datetime.now(UTC))
        for one in approving(pull, reviewed.policy.named)
    ]
    # The policy says where an approval may come from; this environment's, that it comes from here.
    policy = reviewed.policy.model_copy(update={"identity": (Identity.GITHUB,)})
    decision = decide_approval(policy, candidate, place.environment, answers, reviewed.involved)
    if not isinstance(decision, Approval | AskAgain):
        raise AssertionError("nobody rejects by a review")
    return decision
