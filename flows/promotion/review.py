"""Approvals that are given on the pull request itself: by approving reviews, and by merging it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from flows.places.place import Place
from flows.promotion.facts import changes_since
from flows.promotion.people import involved_in, person_on_github
from tasks.domain.approval.decision import Answer, Approval, AskAgain, decide_approval
from tasks.domain.approval.person import Person
from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.delivery.approval import ApprovalPolicy, Identity
from tasks.domain.promotion.pull_request import PullRequest


@dataclass(slots=True)
class Reviewed:
    """What does not change while a pull request waits, asked for once: whose work it is, and who is in which team."""

    place: Place
    candidate: ReleaseCandidate
    policy: ApprovalPolicy
    involved: frozenset[str]
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
    may_all = policy.author_may_approve
    involved = frozenset[str]() if may_all else involved_in(place, candidate, changes_since(place, candidate))
    return Reviewed(place, candidate, policy, involved)


def judge(reviewed: Reviewed, pull: PullRequest) -> Approval | AskAgain:
    """What the reviews of the newest commit and the merge come to under the environment's policy."""
    place, candidate = reviewed.place, reviewed.candidate
    said = {review.login: review.body for review in pull.reviews if review.state == "APPROVED" and review.is_current}
    if pull.merged_by:
        said.setdefault(pull.merged_by, f"merged pull request #{pull.number}")
    now = datetime.now(UTC)
    answers = [Answer("approve", reviewed.person(login), comment, now) for login, comment in said.items()]
    # The policy says where an approval may come from; this environment's, that it comes from here.
    policy = reviewed.policy.model_copy(update={"identity": (Identity.GITHUB,)})
    decision = decide_approval(policy, candidate, place.environment, answers, reviewed.involved)
    if not isinstance(decision, Approval | AskAgain):
        raise AssertionError("nobody rejects by a review")
    return decision
