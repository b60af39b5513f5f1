"""The gates of findings, vulnerabilities and changed lines: what is new, what is too much, and what is excused."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.domain.delivery.application import Application
from tasks.domain.gates.baseline import Baseline, baseline_of
from tasks.domain.gates.check import Check, Reports
from tasks.domain.gates.checks import CheckOutcome, Exited
from tasks.domain.gates.coverage import decide_changed_lines, decide_coverage
from tasks.domain.gates.engine import GateFacts, decide_gates
from tasks.domain.gates.finding import Finding, Kind, Severity
from tasks.domain.gates.findings import decide_findings, decide_vulnerabilities
from tasks.domain.gates.gate import GateResult
from tasks.domain.gates.measure import coverage_of
from tasks.domain.gates.policy import FindingsGate, VulnerabilitiesGate
from tasks.domain.gates.waiver import Waiver, WaiverUse, sift
from tasks.domain.verdict import failed, passed

TODAY = date(2031, 5, 17)
BASE = "ba5e" * 10
DEFAULT = FindingsGate()


def finding(number: int = 1, severity: str = "high", **values: Any) -> Finding:
    given = {"tool": "ruff", "rule": f"R{number}", "severity": Severity(severity), "message": "no", "line": number}
    return Finding(**(given | {"file": "a.py", "fingerprint": f"f{number}"} | values))


def vulnerability(severity: str, fixable: bool | None, number: int = 1) -> Finding:
    return finding(number, severity, kind=Kind.VULNERABILITY, package=f"p{number} 1.0", fixable=fixable, file="")


def waiver(expires: date = TODAY, rule: str = "R1") -> Waiver:
    return Waiver(rule=rule, owner="Pat", reason="because", expires=expires)


def findings_gate(
    *findings: Finding, base: tuple[Finding, ...] | None = (), waivers: tuple[Waiver, ...] = (), **policy: Any
) -> GateResult:
    baseline = None if base is None else baseline_of(BASE, base)
    return decide_findings(FindingsGate(**policy), sift(findings, waivers, TODAY), baseline)


def test_a_new_finding_of_the_severity_fails_and_the_worst_is_named_by_its_place() -> None:
    gate = findings_gate(finding(1), finding(2, "critical"), finding(3, "low"))
    assert gate.verdict == failed("2 new findings at high or above; the worst: a.py:2: R2: no. Compared with ba5eba5.")
    assert [one.rule for one in gate.findings] == ["R2", "R1", "R3"]


def test_what_the_base_branch_has_already_may_stay() -> None:
    gate = findings_gate(finding(1), finding(2, "low"), base=(finding(1),))
    assert gate.verdict == passed("2 findings, none new at high or above. Compared with ba5eba5.")


def test_without_a_baseline_every_finding_is_new_and_the_reason_says_so() -> None:
    gate = findings_gate(finding(1), base=None)
    assert gate.verdict.has_failed
    assert gate.verdict.reason.endswith("No commit before it is known: each is new.")


def test_a_finding_of_unknown_severity_is_not_let_through() -> None:
    assert findings_gate(finding(1, "unknown"), fail_on_new="critical").verdict.has_failed


def test_a_ratchet_that_is_off_lets_everything_through_but_the_totals() -> None:
    many = tuple(finding(number) for number in range(1, 6))
    assert findings_gate(*many, fail_on_new="never").verdict == passed("5 findings.")
    gate = findings_gate(*many, base=many, at_most={"critical": 0, "high": 4})
    assert gate.verdict == failed("5 high findings, but at most 4 may be there; the first: a.py:1: R1: no.")
    assert findings_gate(*many, base=many, at_most={"high": 5}).verdict.has_passed


def test_a_waiver_excuses_and_its_use_is_shown() -> None:
    long = waiver(date(2031, 5, 25))
    gate = findings_gate(finding(1), waivers=(long,))
    assert gate.verdict == passed("No finding. 1 finding waived: R1 at a.py:1 (until 2031-05-25, Pat: because).")
    assert gate.waived == (WaiverUse(finding(1), long),)
    assert (gate.findings, gate.ending) == ((), ())


def test_a_waiver_that_ends_tomorrow_counts_with_a_warning_and_one_that_ended_yesterday_is_named() -> None:
    gate = findings_gate(finding(1), waivers=(waiver(date(2031, 5, 18)),))
    assert gate.verdict.has_passed
    assert gate.verdict.reason.startswith("No finding. Pat's waiver of R1 ends on 2031-05-18. 1 finding waived: ")
    assert gate.ending == gate.waived != ()
    gate = findings_gate(finding(1), waivers=(waiver(date(2031, 5, 16)),))
    assert gate.verdict.has_failed
    assert gate.verdict.reason.endswith(" Pat's waiver of R1 expired on 2031-05-16, so it counts no more.")


def test_a_finding_that_was_only_waived_before_is_new_once_the_waiver_has_expired() -> None:
    before = findings_gate(finding(1), waivers=(waiver(),))
    gate = findings_gate(finding(1), base=before.findings, waivers=(waiver(date(2031, 5, 16)),))
    assert gate.verdict.has_failed


@pytest.mark.parametrize(("day", "warns"), [(17, True), (24, True), (25, False)])
def test_people_hear_of_a_waiver_s_end_a_week_before(day: int, warns: bool) -> None:
    gate = findings_gate(finding(1), waivers=(waiver(date(2031, 5, day)),))
    assert (bool(gate.ending), " ends on " in gate.verdict.reason) == (warns, warns)


def test_many_waivers_are_shortened_in_the_sentence_and_whole_in_the_result() -> None:
    same = tuple(replace(finding(number), rule="R1") for number in range(1, 8))
    gate = findings_gate(*same, waivers=(waiver(),))
    assert gate.verdict.reason.endswith("; and 4 more.")
    assert len(gate.waived) == 7


@given(st.sets(st.integers(1, 20)), st.sets(st.integers(1, 20)))
def test_the_ratchet_fails_exactly_where_something_was_added(before: set[int], after: set[int]) -> None:
    gate = findings_gate(*map(finding, after), base=tuple(map(finding, before)))
    assert gate.verdict.has_failed == bool(after - before)


@pytest.mark.parametrize(
    ("severity", "fixable", "is_allowed"),
    [
        ("critical", True, False),
        ("high", True, False),
        ("medium", True, True),
        ("unknown", True, False),
        ("critical", False, False),
        ("high", False, True),
        ("unknown", False, False),
        ("critical", None, False),
        ("high", None, False),
        ("medium", None, True),
    ],
)
def test_a_vulnerability_is_judged_by_severity_and_by_whether_it_can_be_fixed(
    severity: str, fixable: bool | None, is_allowed: bool
) -> None:
    found = sift([vulnerability(severity, fixable)], [], TODAY)
    assert decide_vulnerabilities(VulnerabilitiesGate(), found).verdict.has_passed is is_allowed


def test_where_it_is_not_known_whether_there_is_a_fix_the_stricter_rule_holds() -> None:
    found = sift([vulnerability("high", None)], [], TODAY)
    strict = VulnerabilitiesGate(fail_on_fixable="never", fail_on_unfixable="high")
    assert decide_vulnerabilities(strict, found).verdict.has_failed
    lax = VulnerabilitiesGate(fail_on_fixable="never", fail_on_unfixable="never")
    assert decide_vulnerabilities(lax, found).verdict.has_passed


def test_the_sentence_names_the_worst_vulnerability_and_the_rule() -> None:
    found = sift([vulnerability("high", True), vulnerability("critical", True, 2)], [], TODAY)
    assert decide_vulnerabilities(VulnerabilitiesGate(), found).verdict == failed(
        "2 vulnerabilities are too bad; the worst: p2 1.0: R2: no. "
        "Not allowed are fixable ones at high or above, others at critical or above."
    )
    limited = VulnerabilitiesGate(fail_on_fixable="never", at_most={"high": 0})
    assert decide_vulnerabilities(limited, sift([vulnerability("high", False)], [], TODAY)).verdict == failed(
        "1 high vulnerability, but at most 0 may be there; the first: p1 1.0: R1: no."
    )
    assert decide_vulnerabilities(limited, sift([], [], TODAY)).verdict == passed("No vulnerability.")


@pytest.mark.parametrize(("sarif", "fails"), [("lint.sarif", True), (None, False)])
def test_what_speaks_against_the_image_counts_where_there_is_a_gate_for_findings(
    sarif: str | None, fails: bool
) -> None:
    check = Check(command=("lint",), reports=Reports(sarif=sarif))
    application = Application(repository="acme/shop-api", image="shop-api", checks={"lint": check})
    outcome = CheckOutcome("lint", Exited(0), findings=() if sarif else None)
    facts = GateFacts(TODAY, baseline=Baseline(BASE, frozenset()), of_image=(finding(rule="image-runs-as-root"),))
    gates = decide_gates(application, (outcome,), facts)
    assert [gate.gate for gate in gates if gate.verdict.has_failed] == (["findings"] if fails else [])


def test_a_vulnerability_in_a_report_of_any_tool_is_decided_where_no_such_gate_is_configured() -> None:
    check = Check(command=("snyk",), reports=Reports(sarif="snyk.sarif"))
    application = Application(repository="acme/shop-api", image="shop-api", checks={"snyk": check})
    outcome = CheckOutcome("snyk", Exited(0), findings=(vulnerability("critical", None),))
    gates = decide_gates(application, (outcome,), GateFacts(TODAY, baseline=Baseline(BASE, frozenset())))
    assert {gate.gate: gate.verdict.has_passed for gate in gates} == {
        "snyk": True,
        "findings": True,
        "vulnerabilities": False,
    }


COVERAGE = coverage_of({("a.py", line): line % 2 for line in range(1, 9)} | {("b.py", 1): 0})


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({"a.py": {1, 3}}, passed("100.00 % of changed lines are covered (2 of 2), at least 80 % are asked for.")),
        (
            {"b.py": {1}, "a.py": {1, 2, 3, 4}},
            failed(
                "40.00 % of changed lines are covered (2 of 5), but at least 80 % are asked for; add a test for a.py:2."
            ),
        ),
        ({"README.md": {1}}, passed("No changed line is among those that coverage is measured of.")),
        (None, failed("What changed is not known; look at the flow run's log.")),
    ],
)
def test_only_the_lines_that_changed_decide(changed: dict[str, set[int]] | None, verdict: Any) -> None:
    lines = None if changed is None else {file: frozenset(numbers) for file, numbers in changed.items()}
    assert decide_changed_lines(Decimal(80), COVERAGE, lines).verdict == verdict
    assert decide_changed_lines(Decimal(80), None, lines).verdict.has_failed


def test_changed_lines_that_no_test_ran_are_named_whether_the_gate_passes_or_not() -> None:
    changed = {"a.py": frozenset(range(1, 5))}
    missed = COVERAGE.only(changed)
    assert missed is not None
    assert missed.missed
    assert decide_changed_lines(Decimal(0), COVERAGE, changed).uncovered == missed.missed
    assert decide_changed_lines(Decimal(100), COVERAGE, changed).uncovered == missed.missed
    # Without a gate for changed lines that of all lines names them.
    assert decide_coverage(Decimal(0), COVERAGE, changed).uncovered == missed.missed
    assert decide_coverage(Decimal(0), COVERAGE).uncovered == ()


def test_a_change_may_fail_on_its_own_lines_alone() -> None:
    check = Check(command=("pytest",), reports=Reports(lcov="lcov.info"))
    application = Application.model_validate(
        {
            "repository": "acme/shop-api",
            "image": "shop-api",
            "checks": {"tests": check},
            "gates": {"coverage": {"minimum": Decimal(40), "changed-lines": Decimal("80.5")}},
        }
    )
    outcome = CheckOutcome("tests", Exited(0), coverage=COVERAGE)
    gates = decide_gates(application, (outcome,), GateFacts(TODAY, changed={"b.py": frozenset({1})}))
    assert [(gate.gate, gate.verdict.has_passed) for gate in gates] == [
        ("tests", True),
        ("coverage", True),
        ("changed-lines", False),
    ]
