"""Which answers count as an approval, in whatever order they come."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.domain.approval.decision import Answer, Approval, AskAgain, Decision, Rejected, decide_approval
from tasks.domain.approval.person import Person
from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.delivery.approval import ApprovalPolicy, Identity, Role
from tasks.domain.image import ImageReference
from tasks.domain.promotion.change_set import co_authors

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DIGEST = "sha256:" + "ab" * 32
CANDIDATE = ReleaseCandidate("shop-api", "c" * 40, ImageReference("registry.example/shop-api", None, DIGEST))
INVOLVED = frozenset({"Dana Dev", "dana", "dana@example.org"})
TWO = ApprovalPolicy(required=2)
ROLES = ApprovalPolicy(
    roles={"release": Role(approvers=("ada", "ben")), "security": Role(approvers=("ada", "acme/sec"))}
)
CODES = ApprovalPolicy(identity=(Identity.ONE_TIME_CODE,))


def yes(name: str, proof: Identity = Identity.CLAIMED, *also: str, teams: Sequence[str] = (), flaw: str = "") -> Answer:
    return Answer("approve", Person(name, proof, frozenset(also), frozenset(teams)), "", NOW, flaw)


def no(name: str, comment: str = "") -> Answer:
    return Answer("reject", Person(name), comment, NOW)


def decide(*answers: Answer, policy: ApprovalPolicy | None = None) -> Decision:
    return decide_approval(policy or ApprovalPolicy(), CANDIDATE, "production", answers, INVOLVED)


def test_an_approval_is_bound_to_the_digest_and_the_environment() -> None:
    answer = Answer("approve", Person("Ada"), "looks good", NOW)
    assert decide(answer) == Approval("production", DIGEST, (answer,))


@pytest.mark.parametrize(
    "name", ["Dana Dev", "dana", " DANA ", "dana@example.org", "\uff24\uff21\uff2e\uff21", "da\u200bna"]
)
def test_nobody_approves_what_they_wrote(name: str) -> None:
    decision = decide(yes(name))
    assert isinstance(decision, AskAgain)
    assert decision.reason.endswith("wrote, merged or pushed part of shop-api ccccccc; somebody else has to approve it")


def test_an_alias_gives_an_author_away() -> None:
    assert isinstance(decide(yes("D.", Identity.ONE_TIME_CODE, "Dana@Example.org"), policy=CODES), AskAgain)


def test_an_author_approves_where_the_policy_says_so() -> None:
    assert isinstance(decide(yes("dana"), policy=ApprovalPolicy(author_may_approve=True)), Approval)


def test_only_the_named_approve_where_some_are_named() -> None:
    policy = ApprovalPolicy(approvers=("ada", "grace", "acme/release"))
    assert isinstance(decide(yes("Grace"), policy=policy), Approval)
    assert isinstance(decide(yes("zoe", teams=["acme/release"]), policy=policy), Approval)
    assert decide(yes("Mallory"), policy=policy) == AskAgain(
        "Mallory may not approve for production; one of ada, grace, acme/release may",
        missing=("1 more of ada, grace, acme/release",),
    )


def test_only_the_members_of_the_roles_approve_where_there_are_only_roles() -> None:
    decision = decide(yes("mallory"), yes("ada"), yes("ben"), policy=ROLES)
    assert isinstance(decision, Approval)
    assert [answer.person.name for answer in decision.answers] == ["ada", "ben"]


def test_what_they_said_is_told_in_the_order_in_which_they_said_it() -> None:
    first, second = (Answer("approve", Person(name), comment, NOW) for name, comment in (("A", "good"), ("B", "seen")))
    decision = decide(first, Answer("approve", Person("C"), "", NOW), second, policy=ApprovalPolicy(required=3))
    assert isinstance(decision, Approval)
    assert decision.comment == "good; seen"


def test_a_rejection_needs_no_name() -> None:
    assert decide(no("  ")) == Rejected("someone rejected shop-api ccccccc for production")


def test_nobody_becomes_a_team_by_taking_its_name() -> None:
    policy = ApprovalPolicy(approvers=("acme/release",))
    assert isinstance(decide(yes("acme/release"), policy=policy), AskAgain)


def test_an_approval_without_a_name_asks_again() -> None:
    assert isinstance(decide(yes("  ")), AskAgain)
    assert isinstance(decide(yes("\u200b")), AskAgain)


def test_a_rejection_counts_from_anyone_and_ends_it() -> None:
    policy = ApprovalPolicy(approvers=("ada", "ben"), required=2, identity=(Identity.ONE_TIME_CODE,))
    assert decide(yes("ada", Identity.ONE_TIME_CODE), no("dana", "not on a Friday"), policy=policy) == Rejected(
        "dana rejected shop-api ccccccc for production: not on a Friday"
    )


def test_two_people_are_needed_where_two_are_asked_for() -> None:
    first, second = yes("Ada"), yes("Ben")
    assert decide(first, policy=TWO) == AskAgain("", (first,), ("1 more",))
    assert decide(first, second, policy=TWO) == Approval("production", DIGEST, (first, second))


@pytest.mark.parametrize("again", ["Ada", " aDA ", "ada-l"])
def test_one_person_counts_once(again: str) -> None:
    first = yes("Ada", Identity.CLAIMED, "ada-l")
    decision = decide(first, yes(again), policy=TWO)
    assert isinstance(decision, AskAgain)
    assert decision.given == (first,)
    assert decision.reason.endswith("has approved already; somebody else has to as well")


@pytest.mark.parametrize("order", list(permutations(["ada", "ben"])))
def test_who_fits_two_roles_fills_the_one_where_they_are_needed(order: tuple[str, ...]) -> None:
    assert isinstance(decide(*map(yes, order), policy=ROLES), Approval)


def test_who_is_missing_in_a_role_is_not_asked_for_twice() -> None:
    for required, more in ((2, ()), (3, ("1 more of ada, ben, acme/sec",))):
        decision = decide(yes("ben"), policy=ROLES.model_copy(update={"required": required}))
        assert isinstance(decision, AskAgain)
        assert decision.missing == ("1 of security (ada, acme/sec)", *more)


def test_how_many_are_missing_in_a_role_is_said_once() -> None:
    policy = ApprovalPolicy(roles={"security": Role(approvers=("ada", "ben", "cleo"), required=2)})
    assert decide(policy=policy) == AskAgain("", (), ("2 of security (ada, ben, cleo)",))


def test_a_person_fills_one_role_only() -> None:
    assert decide(yes("ada"), policy=ROLES) == AskAgain("", (yes("ada"),), ("1 of security (ada, acme/sec)",))
    assert isinstance(decide(yes("ben"), yes("zoe", teams=["Acme/Sec"]), policy=ROLES), Approval)


def test_a_name_without_the_proof_that_is_asked_for_does_not_count() -> None:
    decision = decide(yes("ada"), policy=CODES)
    assert decision == AskAgain("nothing proves that this is ada; production asks for a one-time code", (), ("1 more",))


def test_a_flaw_in_the_proof_is_what_is_told() -> None:
    wrong = yes("ada", Identity.ONE_TIME_CODE, flaw="the code is wrong")
    assert decide(wrong, policy=CODES) == AskAgain("the code is wrong", (), ("1 more",))


def test_a_name_cannot_claim_its_own_proof() -> None:
    decision = decide(yes("Ada (one-time code), Grace"))
    assert isinstance(decision, Approval)
    assert decision.approvers == "Ada one-time code Grace (name unproven)"


@pytest.mark.parametrize(
    "policy",
    [
        {"approvers": ("ada", "Ada"), "required": 2},
        {"roles": {"security": {"approvers": ("ada",), "required": 2}}},
        {"approvers": ("ada",), "roles": {"security": {"approvers": ("ada",)}}, "required": 2},
    ],
    ids=str,
)
def test_a_policy_that_nobody_could_meet_is_refused(policy: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="2 have to approve, but only 1 may; name more, or require fewer"):
        ApprovalPolicy(**policy)  # type: ignore[arg-type]


def test_a_team_may_have_as_many_members_as_are_required() -> None:
    assert ApprovalPolicy(approvers=("acme/release",), required=3).teams == {"acme/release"}


def test_a_name_beside_a_proof_is_refused() -> None:
    with pytest.raises(ValueError, match="leave claimed out"):
        ApprovalPolicy(identity=(Identity.CLAIMED, Identity.GITHUB))


def test_co_authors_are_found_however_they_are_written() -> None:
    message = "One\n\nCo-authored-by: Eve E <eve@x.org>\nco-authored-by:Bob\n  CO-AUTHORED-BY: Z <z@x>\n"
    assert co_authors(message) == ("Eve E", "eve@x.org", "Bob", "Z", "z@x")


NAMES = st.sampled_from(["ada", "Ada ", "ben", "cleo", "dana", "dana@example.org", "acme/sec", "", "mallory"])
PEOPLE = st.builds(
    Person,
    NAMES,
    st.sampled_from(Identity),
    st.frozensets(NAMES, max_size=2),
    st.frozensets(st.just("acme/sec"), max_size=1),
)
ANSWERS = st.lists(
    st.builds(
        Answer,
        st.sampled_from(["approve"] * 9 + ["reject"]),
        PEOPLE,
        st.just(""),
        st.just(NOW),
        st.sampled_from(["", "", "no"]),
    ),
    max_size=8,
)
POLICIES = st.builds(
    ApprovalPolicy,
    approvers=st.sampled_from([(), ("ada", "ben"), ("acme/sec", "cleo")]),
    required=st.integers(1, 2),
    roles=st.sampled_from([{}, ROLES.roles, {"security": Role(approvers=("acme/sec", "ben"), required=2)}]),
    identity=st.sampled_from([(Identity.CLAIMED,), (Identity.ONE_TIME_CODE, Identity.GITHUB)]),
)


@given(POLICIES, ANSWERS)
def test_no_order_of_answers_makes_an_unauthorised_promotion(policy: ApprovalPolicy, answers: list[Answer]) -> None:
    decision = decide(*answers, policy=policy)
    rejected = any(answer.decision == "reject" for answer in answers)
    assert isinstance(decision, Rejected) == rejected
    if not isinstance(decision, Approval):
        return
    people = [answer.person for answer in decision.answers]
    assert len(people) >= policy.required
    assert all(answer in answers and not answer.flaw for answer in decision.answers)
    assert all(person.proof in policy.identity for person in people)
    assert not any(person.keys & {"dana", "dana dev", "dana@example.org"} for person in people)
    assert all(person.is_among(policy.named) for person in people) or not policy.named
    assert not any(one.keys & other.keys for one in people for other in people if one is not other)
    seats = [role for role in policy.roles.values() for _ in range(role.required)]
    assert any(
        all(person.is_among(role.approvers) for role, person in zip(seats, seated, strict=True))
        for seated in permutations(people, len(seats))
    )


@given(POLICIES, ANSWERS)
def test_one_more_answer_never_takes_an_approval_back_but_by_a_rejection(
    policy: ApprovalPolicy, answers: list[Answer]
) -> None:
    decisions = [decide(*answers[:count], policy=policy) for count in range(len(answers) + 1)]
    for before, after in pairwise(decisions):
        assert not isinstance(before, Approval) or isinstance(after, Approval | Rejected)
        assert not isinstance(before, Rejected) or after == before
