"""Which vulnerabilities another image brings, from what is signed about both."""

from datetime import date
from typing import Any

import pytest

from tasks.domain.gates.finding import Finding, Kind, Severity
from tasks.domain.gates.gate import VULNERABILITIES, GateResult
from tasks.domain.gates.waiver import Waiver, WaiverUse
from tasks.domain.proof.gate_results import gate_results
from tasks.domain.proof.vulnerabilities import VulnerabilityChange, vulnerabilities_of, vulnerability_change
from tasks.domain.verdict import passed


def finding(rule: str, package: str, fixable: bool | None = None) -> Finding:
    kind = Kind.VULNERABILITY
    return Finding("pip-audit", rule, Severity.HIGH, "Bad.", package=package, kind=kind, fixable=fixable)


def results(*findings: Finding, waived: tuple[Finding, ...] = ()) -> dict[str, Any]:
    waiver = Waiver(rule="CVE-9", owner="Ada", reason="not reached", expires=date(2027, 1, 1))
    uses = tuple(WaiverUse(one, waiver) for one in waived)
    gates = (GateResult("lint", passed("clean")), GateResult(VULNERABILITIES, passed("few"), findings, uses))
    return gate_results("c" * 40, gates, "")


def test_what_is_new_and_what_is_gone_is_named_and_the_rest_counted() -> None:
    before = vulnerabilities_of(results(finding("CVE-1", "jinja2 3.1.2"), finding("CVE-2", "idna 3.6", fixable=False)))
    after = vulnerabilities_of(
        results(
            finding("CVE-1", "jinja2 3.1.3"),
            finding("CVE-3", "urllib3 2.0", fixable=True),
            waived=(finding("CVE-9", "idna 3.7"),),
        )
    )
    assert before is not None
    assert after is not None
    change = vulnerability_change(before, after)
    assert change == VulnerabilityChange(
        ("CVE-9 in idna 3.7 (high, waived)", "CVE-3 in urllib3 2.0 (high, another version fixes it)"),
        ("CVE-2 in idna 3.6 (high, no fix yet)",),
        kept=1,
    )
    assert str(change) == "2 new, 1 gone, 1 as before"


@pytest.mark.parametrize(
    ("findings", "said"),
    [((), "none in both"), ((finding("CVE-1", "jinja2 3"),), "the same 1 vulnerability")],
)
def test_no_difference_is_said_to_be_none(findings: tuple[Finding, ...], said: str) -> None:
    listed = vulnerabilities_of(results(*findings))
    assert listed is not None
    assert str(vulnerability_change(listed, listed)) == said


@pytest.mark.parametrize(
    "signed",
    [
        {},
        {"gates": None},
        {"gates": [None, {"gate": "lint"}]},
        {"gates": [{"gate": VULNERABILITIES, "outcome": "passed"}]},
        gate_results("c" * 40, (GateResult("lint", passed("clean")),), ""),
    ],
)
def test_results_that_list_none_say_nothing_rather_than_that_there_are_none(signed: dict[str, Any]) -> None:
    assert vulnerabilities_of(signed) is None


def test_a_list_with_something_strange_in_it_is_read_as_far_as_it_goes() -> None:
    listed = vulnerabilities_of({"gates": [{"gate": VULNERABILITIES, "vulnerabilities": [None, 3, {"rule": "CVE-1"}]}]})
    assert list((listed or {}).values()) == ["CVE-1 in an unknown package (unknown)"]
