"""A waiver takes a finding out of the gate until its last day, and every use of it can be seen."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from tasks.delivery import read_delivery, read_waivers
from tasks.domain.errors import ConfigurationError
from tasks.domain.gates.finding import Finding, Kind, Severity
from tasks.domain.gates.waiver import Waiver, WaiverUse, sift, waivers_for
from tasks.domain.gates.waiver_text import parse_waivers, waivers_schema

DEPLOYMENTS = Path(__file__).parents[2] / "deployments"
DAY = date(2031, 5, 17)
GOOD = """\
version: 1
waivers:
  - rule: S104
    application: shop-api
    path: shop_api/*
    owner: Pat
    reason: It runs in a container.
    expires: 2031-05-17
  - {rule: CVE-2031-1, owner: Pat, reason: Never called., expires: "2031-01-01"}
"""


def waiver(**values: Any) -> Waiver:
    return Waiver(**({"rule": "S104", "owner": "Pat", "reason": "because", "expires": DAY} | values))


def finding(**values: Any) -> Finding:
    given = {"tool": "ruff", "rule": "S104", "severity": Severity.HIGH, "message": "no", "file": "shop/a.py", "line": 3}
    return Finding(**(given | values))


@pytest.mark.parametrize(
    ("today", "counts"), [(date(2031, 5, 16), False), (date(2031, 5, 17), False), (date(2031, 5, 18), True)]
)
def test_a_waiver_counts_through_its_last_day(today: date, counts: bool) -> None:
    sifted = sift([finding()], [waiver()], today)
    use = WaiverUse(finding(), waiver())
    assert sifted.counting == ((finding(),) if counts else ())
    assert sifted.waived == (() if counts else (use,))
    assert sifted.expired == ((use,) if counts else ())


@pytest.mark.parametrize(
    ("values", "covers"),
    [
        ({}, True),
        ({"rule": "s104"}, True),
        ({"rule": "S1"}, False),
        ({"rule": "*"}, False),
        ({"path": "shop/a.py"}, True),
        ({"path": "shop/*"}, True),
        ({"path": "*.py"}, True),
        ({"path": "a.py"}, False),
        ({"path": "shop"}, False),
    ],
)
def test_a_waiver_covers_its_rule_at_its_path(values: dict[str, str], covers: bool) -> None:
    assert waiver(**values).covers(finding()) is covers
    assert bool(sift([finding()], [waiver(**values)], DAY).waived) is covers


@pytest.mark.parametrize(("path", "covers"), [(None, True), ("shaky", True), ("shaky 2.10", True), ("shak", False)])
def test_a_vulnerability_is_covered_by_its_cve_and_by_its_package(path: str | None, covers: bool) -> None:
    vulnerable = finding(
        rule="PYSEC-1", aliases=("CVE-2031-1",), file="", line=0, package="shaky 2.10", kind=Kind.VULNERABILITY
    )
    assert bool(sift([vulnerable], [waiver(rule="cve-2031-1", path=path)], DAY).waived) is covers


def test_of_several_waivers_the_one_that_lasts_longest_is_used() -> None:
    long, short = waiver(expires=date(2031, 6, 1)), waiver(expires=date(2031, 1, 1))
    for order in ([long, short], [short, long]):
        assert sift([finding()], order, DAY).waived == (WaiverUse(finding(), long),)


def test_a_waiver_of_one_application_is_not_for_another() -> None:
    ours, theirs, all_of_us = waiver(application="shop-api"), waiver(application="web"), waiver()
    assert waivers_for("shop-api", [ours, theirs, all_of_us]) == (ours, all_of_us)


def test_a_use_says_what_where_until_when_by_whom_and_why() -> None:
    assert str(WaiverUse(finding(), waiver())) == "S104 at shop/a.py:3 (until 2031-05-17, Pat: because)"


def test_the_file_is_read_with_or_without_quotes_around_days() -> None:
    first, second = parse_waivers(GOOD, file="w.yaml", applications=["shop-api"])
    assert first == waiver(application="shop-api", path="shop_api/*", reason="It runs in a container.")
    assert second.expires == date(2031, 1, 1)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("    owner: Pat\n", "", "w.yaml:3: waivers[0].owner: is missing; give it: Who answers for it."),
        (
            "application: shop-api",
            "application: shop-ap",
            "w.yaml:4: waivers[0].application: unknown application 'shop-ap'; did you mean 'shop-api'? known: shop-api",
        ),
        (
            "expires: 2031-05-17",
            "expires: soon",
            "w.yaml:8: waivers[0].expires: is the text 'soon'; it must be a day such as 2027-01-31",
        ),
        (
            "expires: 2031-05-17",
            "expires: 2031-02-30",
            "w.yaml:8: waivers[0].expires: is the text '2031-02-30'; it must be a day such as 2027-01-31",
        ),
        (
            "    reason:",
            "    raeson:",
            (
                "w.yaml:7: waivers[0].raeson: unknown key; did you mean 'reason'? allowed: rule, application, path, "
                "owner, reason, expires"
            ),
        ),
    ],
)
def test_a_mistake_is_named_by_file_line_and_key(old: str, new: str, sentence: str) -> None:
    assert old in GOOD
    with pytest.raises(ConfigurationError) as caught:
        parse_waivers(GOOD.replace(old, new), file="w.yaml", applications=["shop-api"])
    assert sentence in str(caught.value).splitlines()


def test_the_documented_waivers_are_right_and_fit_the_fresh_schema() -> None:
    assert [one.rule for one in read_waivers(read_delivery(DEPLOYMENTS / "delivery.yaml"), DEPLOYMENTS / "x")] == [
        "B104"
    ]
    committed = json.loads((DEPLOYMENTS / "waivers.schema.json").read_text())
    assert committed == waivers_schema(), "run `make schema`"
    example = YAML(typ="safe", pure=True).load(DEPLOYMENTS / "waivers.yaml")
    jsonschema.Draft202012Validator(committed).validate(json.loads(json.dumps(example, default=str)))


def test_waivers_are_read_beside_the_delivery_configuration(tmp_path: Path) -> None:
    file = tmp_path / "delivery.yaml"
    text = (DEPLOYMENTS / "delivery.yaml").read_text()
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=r"waivers.yaml cannot be read .* correct `waivers`"):
        read_waivers(read_delivery(file), file)
    file.write_text(text.replace("waivers: waivers.yaml\n", ""))
    assert read_waivers(read_delivery(file), file) == ()
    (tmp_path / "waivers.yaml").write_text(GOOD)
    assert len(read_waivers(read_delivery(file), file)) == 2
