"""When a candidate may be written into an environment's desired state."""

import dataclasses
from datetime import UTC, datetime

import pytest

from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.image import ImageReference
from tasks.domain.promotion.decision import (
    Decision,
    Later,
    Promote,
    PromotionFacts,
    Queued,
    Refuse,
    Stopped,
    Superseded,
    UpToDate,
    Wait,
    decide_promotion,
    refuse_waiting,
)
from tasks.domain.promotion.soak import Soaking
from tasks.domain.promotion.window import Closed
from tasks.domain.verdict import failed, passed, pending

DIGEST = "sha256:" + "ab" * 32
CANDIDATE = ReleaseCandidate("shop-api", "c" * 40, ImageReference("registry.example/shop-api", None, DIGEST))
WHEN = datetime(2026, 5, 11, 7, 0, tzinfo=UTC)
CLOSED = Closed("closed until Monday", WHEN)
READY = PromotionFacts(
    CANDIDATE,
    "production",
    evidence=passed("all gates passed"),
    desired_digest="sha256:" + "00" * 32,
    needs={"staging": passed("staging runs it, healthy")},
)


@pytest.mark.parametrize(
    ("facts", "decision"),
    [
        pytest.param(
            {},
            Promote("shop-api ccccccc may go to production: its gates passed and staging runs it, healthy"),
            id="ready",
        ),
        pytest.param(
            {"needs": {}}, Promote("shop-api ccccccc may go to production: its gates passed"), id="nothing needed"
        ),
        pytest.param(
            {"evidence": failed("lint failed")},
            Refuse("shop-api ccccccc is not a release candidate: lint failed"),
            id="a failed gate",
        ),
        pytest.param(
            {"evidence": pending("no status on GitHub")},
            Refuse("shop-api ccccccc is not a release candidate: no status on GitHub"),
            id="a missing fact is a no",
        ),
        pytest.param(
            {"quarantine": {DIGEST: "rolled back"}},
            Refuse("abababababab is in quarantine in production: rolled back; promote a newer candidate"),
            id="quarantine",
        ),
        pytest.param(
            {"goes_with": "shop", "evidence": failed("lint failed")},
            Refuse(
                "shop-api goes to production only with release shop; promote that by `tidegate release shop production`"
            ),
            id="not alone",
        ),
        pytest.param(
            {"superseded_by": "shop-api ddddddd"},
            Superseded("shop-api ccccccc is superseded in production by shop-api ddddddd"),
            id="superseded",
        ),
        pytest.param(
            {"needs": {"staging": failed("staging is Degraded")}},
            Refuse("production needs staging: staging is Degraded"),
            id="unhealthy before",
        ),
        pytest.param(
            {"needs": {"staging": pending("staging does not run it yet")}},
            Wait("production needs staging: staging does not run it yet"),
            id="not there yet",
        ),
        pytest.param(
            {"stopped": "promotions are stopped: payments fail", "closed": CLOSED},
            Stopped("promotions are stopped: payments fail"),
            id="stopped",
        ),
        pytest.param(
            {"queued_behind": "shop-api bbbbbbb"},
            Queued("production takes candidates in order: shop-api bbbbbbb goes first"),
            id="not its turn",
        ),
        pytest.param(
            {"soaking": Soaking("10 min left", WHEN), "closed": CLOSED}, Wait("10 min left", WHEN), id="soaking"
        ),
        pytest.param({"closed": CLOSED}, Later("closed until Monday", WHEN), id="closed"),
        pytest.param(
            {"closed": CLOSED, "break_glass": "payments fail", "may_break_glass": True},
            Promote(
                "shop-api ccccccc may go to production: its gates passed and staging runs it, healthy; "
                "closed until Monday, but the glass was broken: payments fail",
                "payments fail",
            ),
            id="the glass is broken",
        ),
        pytest.param(
            {"break_glass": "payments fail", "may_break_glass": True},
            Promote("shop-api ccccccc may go to production: its gates passed and staging runs it, healthy"),
            id="no glass needs to be broken",
        ),
        pytest.param(
            {"closed": CLOSED, "break_glass": "payments fail"},
            Refuse("production has no break-glass; set `break-glass: true` there, or wait for its windows"),
            id="there is no glass",
        ),
        pytest.param(
            {"soaking": Soaking("10 min left", WHEN), "break_glass": "payments fail", "may_break_glass": True},
            Wait("10 min left", WHEN),
            id="broken glass is no soak time",
        ),
        pytest.param(
            {"evidence": failed("lint failed"), "break_glass": "payments fail", "may_break_glass": True},
            Refuse("shop-api ccccccc is not a release candidate: lint failed"),
            id="broken glass is no gate",
        ),
        pytest.param(
            {"stopped": "payments fail", "break_glass": "a fix for it", "may_break_glass": True},
            Stopped("payments fail"),
            id="broken glass does not start what was stopped",
        ),
        pytest.param(
            {"desired_digest": DIGEST, "closed": CLOSED, "stopped": "payments fail"},
            UpToDate("production is already meant to run abababababab"),
            id="what is written already is only confirmed",
        ),
        pytest.param(
            {"desired_digest": DIGEST},
            UpToDate("production is already meant to run abababababab"),
            id="already written",
        ),
    ],
)
def test_each_fact_leads_to_its_decision(facts: dict[str, object], decision: Decision) -> None:
    assert decide_promotion(dataclasses.replace(READY, **facts)) == decision  # type: ignore[arg-type]


def test_quarantine_outweighs_that_the_digest_is_already_written() -> None:
    """A rollback that was half done must not be confirmed as a success."""
    facts = dataclasses.replace(READY, desired_digest=DIGEST, quarantine={DIGEST: "rolled back"})
    assert isinstance(decide_promotion(facts), Refuse)


def test_what_was_approved_is_refused_rather_than_left_waiting() -> None:
    assert refuse_waiting(Wait("staging is Progressing")) == Refuse(
        "staging is Progressing; start the promotion again when it is there"
    )
    assert refuse_waiting(Wait("5 min left", WHEN)) == Wait("5 min left", WHEN)
    assert refuse_waiting(Superseded("by another")) == Superseded("by another")
