"""Several candidates that only go together: when all of them go, and what keeps them."""

from datetime import UTC, datetime, timedelta

import pytest

from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.errors import ConfigurationError
from tasks.domain.image import ImageReference
from tasks.domain.promotion.decision import (
    Decision,
    Ground,
    Later,
    Promote,
    Queued,
    Refuse,
    Stopped,
    Superseded,
    UpToDate,
    Wait,
)
from tasks.domain.promotion.release import MemberDecision, Pinned, decide_release, read_pinned

DIGEST = "sha256:" + "ab" * 32
NOON = datetime(2026, 5, 11, 12, 0, tzinfo=UTC)
MAY, STAYS = Promote("may go"), UpToDate("is there")


def member(name: str, decision: Decision, commit: str = "c", repository: str = "") -> MemberDecision:
    candidate = ReleaseCandidate(name, commit * 40, ImageReference(f"registry.example/{name}", None, DIGEST))
    return MemberDecision(candidate, repository or f"acme/{name}", decision)


def decide(api: Decision, web: Decision) -> Decision:
    return decide_release("shop", "production", [member("shop-api", api), member("shop-web", web)])


@pytest.mark.parametrize(
    ("api", "web", "decision"),
    [
        (MAY, MAY, Promote("release shop may go to production: shop-api ccccccc and shop-web ccccccc")),
        (
            MAY,
            STAYS,
            Promote("release shop may go to production: shop-api ccccccc; shop-web ccccccc is there already"),
        ),
        (
            STAYS,
            STAYS,
            UpToDate("production is already meant to run release shop: shop-api ccccccc and shop-web ccccccc"),
        ),
        (
            MAY,
            Wait("production needs staging: it moves"),
            Wait("release shop does not go to production: shop-web: production needs staging: it moves"),
        ),
        (Wait("it moves"), Refuse("bad"), Refuse("release shop does not go to production: shop-web: bad")),
        (
            Refuse("bad"),
            Refuse("worse"),
            Refuse("release shop does not go to production: shop-api: bad; shop-web: worse"),
        ),
        (Later("closed", NOON), Later("closed", NOON), Later("release shop does not go to production: closed", NOON)),
        (Superseded("newer"), Wait("x"), Superseded("release shop does not go to production: shop-api: newer")),
        (Stopped("payments fail"), MAY, Stopped("release shop does not go to production: shop-api: payments fail")),
        (Queued("others"), MAY, Queued("release shop does not go to production: shop-api: others")),
        (STAYS, Later("closed", None), Later("release shop does not go to production: shop-web: closed", None)),
        (
            Wait("soaks", NOON),
            Wait("soaks longer", NOON + timedelta(hours=1)),
            Wait(
                "release shop does not go to production: shop-api: soaks; shop-web: soaks longer",
                NOON + timedelta(hours=1),
            ),
        ),
        (
            Wait("soaks", NOON),
            Wait("moves"),
            Wait("release shop does not go to production: shop-api: soaks; shop-web: moves", None),
        ),
    ],
)
def test_what_stands_against_one_stands_against_all(api: Decision, web: Decision, decision: Decision) -> None:
    assert decide(api, web) == decision


def test_the_ground_of_a_refusal_and_the_reason_for_broken_glass_are_kept() -> None:
    refused = decide(MAY, Refuse("bad", Ground.QUARANTINE))
    assert isinstance(refused, Refuse)
    assert refused.ground is Ground.QUARANTINE
    broken = decide(STAYS, Promote("may go", "payments fail"))
    assert isinstance(broken, Promote)
    assert broken.broken_glass == "payments fail"


def test_members_of_one_repository_only_go_from_one_commit() -> None:
    def both(commit: str, repository: str) -> Decision:
        first, second = member("shop-api", MAY, "c", "acme/shop"), member("shop-web", MAY, commit, repository)
        return decide_release("shop", "production", [first, second])

    assert isinstance(both("c", "acme/shop"), Promote)
    assert isinstance(both("d", "acme/other"), Promote)
    assert both("d", "acme/shop") == Wait(
        "release shop does not go to production yet: shop-api ccccccc and shop-web ddddddd are from different commits "
        "of acme/shop, and only go from the same; it waits until the environments before run one of them for both"
    )


@pytest.mark.parametrize(
    ("api", "kind"), [(Wait("soaks", NOON), Wait), (Later("closed", NOON), Wait), (Refuse("bad"), Refuse)]
)
def test_no_time_helps_where_members_are_from_different_commits(api: Decision, kind: type[Decision]) -> None:
    """A run that went on by itself would only find the same."""
    first, second = member("shop-api", api, "c", "acme/shop"), member("shop-web", MAY, "d", "acme/shop")
    decision = decide_release("shop", "production", [first, second])
    assert (type(decision), getattr(decision, "until", None)) == (kind, None)


def test_what_a_run_is_given_is_read_back_and_nothing_else() -> None:
    pinned = Pinned("c" * 40, DIGEST)
    assert read_pinned({"shop-api": str(pinned)}) == {"shop-api": pinned}
    for wrong in ("", "main", f"{'c' * 40}@", f"{'c' * 7}@{DIGEST}", f"{pinned}\n"):
        with pytest.raises(ConfigurationError, match="names no candidate"):
            read_pinned({"shop-api": wrong})
