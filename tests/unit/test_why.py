"""Why a candidate is not in an environment yet: all the reasons, and whose move each is."""

import dataclasses
from datetime import UTC, datetime

from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.delivery.progressive import Progressive
from tasks.domain.image import ImageReference
from tasks.domain.promotion.decision import Later, PromotionFacts, Refuse, decide_promotion
from tasks.domain.promotion.soak import Soaking
from tasks.domain.promotion.why import Reason, explain, explain_together
from tasks.domain.promotion.why_rollout import explain_rollout
from tasks.domain.promotion.window import Closed, KeptBack
from tasks.domain.rollout.progressive import ProgressiveRollout
from tasks.domain.rollout.sync_window import ClosedWindow
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


def test_an_approval_that_is_asked_for_is_told_with_those_that_were_given() -> None:
    (reason,) = explain(GOOD, ("1 more",), "Ada Lovelace (one-time code)")

    assert reason.sentence == (
        "production asks for an approval: 1 more (approved already by Ada Lovelace (one-time code))"
    )


def test_a_sync_window_is_nothing_that_broken_glass_passes() -> None:
    waits = dataclasses.replace(GOOD, kept_back=KeptBack("a sync window", MONDAY, may_be_waited_for=True))
    glass = dataclasses.replace(waits, break_glass="payments fail", may_break_glass=True)
    refused = dataclasses.replace(GOOD, kept_back=KeptBack("a sync window", None, may_be_waited_for=False))

    assert decide_promotion(glass) == decide_promotion(waits) == Later("production: a sync window", MONDAY)
    assert "it goes on by itself then; sooner only" in explain(glass)[0].way_on
    assert isinstance(decide_promotion(refused), Refuse)
    assert explain(refused)[0].move == "the platform team's"


PAUSED = ProgressiveRollout("production", "shop", "new", "old", 1, 4, 25, "CanaryPauseStep", MONDAY)
HERE = "production: Rollout shop has paused at step 2 of 4 (CanaryPauseStep, 25 % of its pods are new)"


def test_what_is_written_and_not_live_yet_says_what_it_waits_for() -> None:
    waits, night = pending("production: it is OutOfSync"), ClosedWindow(("deny '0 8 * * *' UTC for 6h",), MONDAY)
    by_hand = "in Argo CD, run the action resume, promote-full or abort of Rollout shop, or `tidegate rollout abort`"

    def told(*paused: ProgressiveRollout, closed: ClosedWindow | None = None) -> list[tuple[str, str]]:
        reasons = explain_rollout("production", waits, closed, paused, Progressive())
        return [(reason.sentence, reason.way_on) for reason in reasons]

    assert explain_rollout("production", passed("fine"), night, [PAUSED], Progressive()) == ()
    assert told(PAUSED) == [(HERE, by_hand)]
    timed = dataclasses.replace(PAUSED, pause_seconds=600.0)
    assert told(timed) == [(HERE, "it goes on by itself after 600 s of pause")]
    [(sentence, _)] = told(closed=night)
    assert sentence == (
        "production: a sync window of the Argo CD project keeps the change back until Mon 2026-05-11 07:00 UTC "
        "(deny '0 8 * * *' UTC for 6h)"
    )
    assert told() == [("production: it is OutOfSync", "look at the application there, or at the run's page")]


def test_of_several_that_go_together_each_reason_is_told_once_with_whom_it_is_about() -> None:
    closed, broken = Reason("closed", "time's", "it goes on"), Reason("Degraded", "theirs", "make it healthy")
    told = explain_together({"shop-api": (closed,), "shop-web": (broken, closed)})
    assert told == (closed, Reason("shop-web: Degraded", "theirs", "make it healthy"))
    assert explain_together({"shop-web": (broken,)}) == (broken,)


def test_a_member_of_a_release_is_told_that_it_does_not_go_alone() -> None:
    (reason,) = explain(dataclasses.replace(GOOD, goes_with="shop"))
    assert reason.move == "nobody's"
    assert "only with release shop" in reason.sentence
