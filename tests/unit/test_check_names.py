"""Several applications of one repository have checks of their own, and one together that is never too good."""

import pytest

from tasks.domain.delivery.text import parse_delivery
from tasks.domain.feedback.names import CheckNames, check_names
from tasks.domain.promotion.evidence import judge_evidence
from tasks.domain.verdict import Verdict, failed, passed, pending

TEXT = """
version: 1
applications:
  shop: {repository: acme/shop, image: shop}
  web: {repository: Acme/Shop, image: web}
  old: {repository: acme/shop, image: old, branch: release}
  elsewhere: {repository: acme/shop, image: shop, github: another}
  other: {repository: acme/other, image: other}
environments:
  staging: {argocd: {application: "{application}"}, manifest: {file: "{application}.yaml", at: image}}
"""
DELIVERY = parse_delivery(TEXT, file="delivery.yaml")
SHOP = check_names(DELIVERY, "shop")
YES, NO, WAIT = passed("Yes."), failed("No."), pending("Wait.")


def test_alone_an_application_has_the_names_that_it_always_had() -> None:
    for name in ("other", "elsewhere"):
        assert check_names(DELIVERY, name) == CheckNames(name)
    assert CheckNames("other").aggregate == "tidegate"
    said = {"tidegate": YES, "tidegate/lint": YES, "tidegate/tests": NO, "lint": WAIT}
    assert CheckNames("other").gates_in(said) == {"lint": YES, "tests": NO}


def test_of_several_each_has_its_own_names() -> None:
    assert CheckNames("shop", ("shop", "web", "old"), ("shop", "web")) == SHOP
    assert SHOP.aggregate == "tidegate/shop"
    said = {"tidegate": NO, "tidegate/shop": YES, "tidegate/shop/lint": YES, "tidegate/web/lint": NO}
    assert SHOP.gates_in(said) == {"lint": YES}


@pytest.mark.parametrize(
    ("said", "whole"),
    [
        ({}, pending("Waiting for shop, web.")),
        ({"shop": YES}, pending("Waiting for web.")),
        ({"shop": YES, "web": WAIT}, pending("Waiting for web.")),
        ({"shop": YES, "web": YES}, passed("All 2 applications passed.")),
        ({"shop": YES, "web": NO}, failed("1 of 2 applications failed: web.")),
        ({"web": NO}, failed("1 of 2 applications failed: web.")),
        # Another branch has the same commit.
        ({"shop": YES, "web": YES, "old": YES}, passed("All 3 applications passed.")),
        ({"shop": YES, "web": YES, "old": WAIT}, pending("Waiting for old.")),
        ({"shop": YES, "web": YES, "old": NO}, failed("1 of 3 applications failed: old.")),
    ],
)
def test_all_together_have_passed_only_where_each_has(said: dict[str, Verdict], whole: Verdict) -> None:
    statuses = {f"tidegate/{name}": verdict for name, verdict in said.items()}
    # What it said before decides nothing.
    assert SHOP.whole(statuses) == SHOP.whole(statuses | {"tidegate": YES}) == whole


def test_an_application_is_promoted_by_its_own_evidence() -> None:
    commit = "a" * 40
    said = {"tidegate": YES, "tidegate/web": YES}
    assert "has no status 'tidegate/shop'" in judge_evidence(commit, commit, said, SHOP.aggregate).reason
    said = {"tidegate": NO, "tidegate/web": NO, "tidegate/shop": YES}
    assert judge_evidence(commit, commit, said, SHOP.aggregate).has_passed
