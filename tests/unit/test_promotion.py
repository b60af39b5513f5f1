"""When a candidate may be written into an environment's desired state."""

import dataclasses

import pytest

from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.image import ImageReference
from tasks.domain.promotion.decision import (
    Decision,
    Promote,
    PromotionFacts,
    Refuse,
    Superseded,
    UpToDate,
    Wait,
    decide_promotion,
    refuse_waiting,
)
from tasks.domain.verdict import failed, passed, pending

DIGEST = "sha256:" + "ab" * 32
CANDIDATE = ReleaseCandidate("shop-api", "c" * 40, ImageReference("registry.example/shop-api", None, DIGEST))
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
    assert refuse_waiting(Superseded("by another")) == Superseded("by another")
