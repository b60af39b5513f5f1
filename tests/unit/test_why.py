"""Why a candidate is not in an environment yet: all the reasons, and whose move each is."""

import dataclasses
from datetime import UTC, datetime

from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.image import ImageReference
from tasks.domain.promotion.decision import PromotionFacts, decide_promotion
from tasks.domain.promotion.soak import Soaking
from tasks.domain.promotion.why import Reason, explain
from tasks.domain.promotion.window import Closed
from tasks.domain.verdict import failed, passed, pending

DIGEST = "sha256:" + "ab" * 32
CANDIDATE = ReleaseCandidate("shop-api", "c" * 40, ImageReference("registry.example/shop-api", None, DIGEST))
MONDAY = datetime(2026, 5, 11, 7, 0, tzinfo=UTC)
EVERYTHING = PromotionFacts(
    CANDIDATE,
    "production",
    evidence=failed("lint failed"),
    desired_digest=None,
    quarantine={DIGEST: "it was rolled back"},
    needs={"staging": failed("it is Degraded"), "staging-us": pending("it is Progressing")},
    superseded_by="shop-api ddddddd",
    stopped="payments fail",
    soaking=Soaking("10 min left", MONDAY),
    closed=Closed("closed until Monday", MONDAY),
    may_break_glass=True,
)
GOOD = PromotionFacts(CANDIDATE, "production", evidence=passed("all gates passed"), desired_digest=None)


def test_every_reason_is_told_with_whose_move_it_is() -> None:
    assert [(reason.sentence.partition(":")[0], reason.move) for reason in explain(EVERYTHING, ("one more",))] == [
        ("shop-api ccccccc is not a release candidate", "the author's"),
        ("abababababab is in quarantine in production", "the author's"),
        ("shop-api ccccccc is superseded in production by shop-api ddddddd", "nobody's"),
        ("production needs staging", "whoever runs that environment"),
        ("production needs staging-us", "of the environment before"),
        ("production asks for an approval", "an approver's"),
        ("payments fail", "whoever stopped it"),
        ("10 min left", "time's"),
        ("closed until Monday", "time's"),
    ]


def test_the_first_reason_is_the_one_that_promote_decides_by() -> None:
    facts = EVERYTHING
    for healed in (
        {"evidence": passed("all gates passed")},
        {"quarantine": {}},
        {"superseded_by": None},
        {"needs": {}},
        {"stopped": None},
        {"soaking": None},
    ):
        assert explain(facts)[0].sentence == decide_promotion(facts).reason
        facts = dataclasses.replace(facts, **healed)
    assert explain(facts)[0].sentence == decide_promotion(facts).reason


def test_where_nothing_stands_against_it_nothing_is_told() -> None:
    assert explain(GOOD) == ()
    written = dataclasses.replace(GOOD, desired_digest=DIGEST, stopped="payments fail")
    assert explain(written, ("one more",)) == ()


def test_a_way_on_can_be_typed() -> None:
    held = dataclasses.replace(GOOD, quarantine={DIGEST: "it was rolled back"})
    assert explain(held)[0].way_on == (
        "push a better commit; where it was not the image's fault: "
        "`tidegate quarantine clear shop-api production ccccccc --reason ...`"
    )
    stopped = dataclasses.replace(GOOD, stopped="payments fail")
    assert explain(stopped) == (
        Reason("payments fail", "whoever stopped it", "`tidegate go production --reason ...`, which starts it again"),
    )


def test_the_glass_is_offered_only_where_there_is_one() -> None:
    closed = dataclasses.replace(GOOD, closed=Closed("closed until Monday", MONDAY))
    assert explain(closed)[0].way_on == "it goes on by itself then"
    assert "break_glass" in explain(dataclasses.replace(closed, may_break_glass=True))[0].way_on
