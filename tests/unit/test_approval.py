"""Which answers count as an approval."""

from datetime import UTC, datetime

import pytest

from tasks.domain.approval.decision import Answer, Approval, AskAgain, Rejected, decide_approval
from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.delivery.approval import ApprovalPolicy
from tasks.domain.image import ImageReference

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DIGEST = "sha256:" + "ab" * 32
CANDIDATE = ReleaseCandidate("shop-api", "c" * 40, ImageReference("registry.example/shop-api", None, DIGEST))
AUTHORS = frozenset({"Dana Dev", "dana", "dana@example.org"})


def decide(decision: str, approver: str, *, comment: str = "", policy: ApprovalPolicy | None = None):
    answer = Answer(decision, approver, comment, NOW)  # type: ignore[arg-type]
    return decide_approval(policy or ApprovalPolicy(), CANDIDATE, "production", answer, AUTHORS)


def test_an_approval_is_bound_to_the_digest_and_the_environment() -> None:
    assert decide("approve", " Ada ", comment="looks good ") == Approval("production", DIGEST, "Ada", "looks good", NOW)


@pytest.mark.parametrize("name", ["Dana Dev", "dana", " DANA ", "dana@example.org"])
def test_nobody_approves_what_they_wrote(name: str) -> None:
    assert decide("approve", name) == AskAgain(
        f"{name.strip()} wrote part of shop-api ccccccc; somebody else has to approve it"
    )


def test_an_author_approves_where_the_policy_says_so() -> None:
    assert isinstance(decide("approve", "dana", policy=ApprovalPolicy(author_may_approve=True)), Approval)


def test_only_the_named_approve_where_some_are_named() -> None:
    policy = ApprovalPolicy(approvers=("ada", "grace"))
    assert isinstance(decide("approve", "Grace", policy=policy), Approval)
    assert decide("approve", "Mallory", policy=policy) == AskAgain(
        "Mallory may not approve for production; one of ada, grace may"
    )


def test_an_approval_without_a_name_asks_again() -> None:
    assert isinstance(decide("approve", "  "), AskAgain)


def test_a_rejection_counts_from_anyone() -> None:
    policy = ApprovalPolicy(approvers=("ada",))
    assert decide("reject", "dana", comment="not on a Friday", policy=policy) == Rejected(
        "dana rejected shop-api ccccccc for production: not on a Friday"
    )
