"""The small rules of the gates, one by one: what breaking a single condition must not leave unseen."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tasks.domain.delivery.application import Application
from tasks.domain.errors import ConfigurationError, InvalidReport
from tasks.domain.gates.check import Check, Reports
from tasks.domain.gates.checks import CheckOutcome, Exited
from tasks.domain.gates.engine import GateFacts, decide_gates, is_decided
from tasks.domain.gates.finding import Finding, Kind, Severity, one_line, with_fingerprints
from tasks.domain.gates.findings import decide_findings, decide_vulnerabilities
from tasks.domain.gates.gate import CHANGED_LINES, COVERAGE, FINDINGS, VULNERABILITIES
from tasks.domain.gates.install_hint import install_hint
from tasks.domain.gates.measure import Coverage, CoveredLines, FileCoverage, TestCount, coverage_of, join_coverage
from tasks.domain.gates.policy import FindingsGate, VulnerabilitiesGate
from tasks.domain.gates.waiver import Sifted, Waiver, WaiverUse
from tasks.domain.gates.waiver_text import parse_waivers
from tasks.domain.verdict import failed, passed

COVERED = Check(command=("pytest",), reports=Reports(lcov="lcov.info"))
LINT = Check(command=("ruff",))
SCAN = Check(command=("trivy",), reports=Reports(trivy="trivy.json"))
FACTS = GateFacts(date(2031, 5, 17))
ONE = Finding("t", "R", Severity.HIGH, "no", "a.py", 3)


def application(checks: dict[str, Check], **gates: Any) -> Application:
    return Application.model_validate({"repository": "acme/shop", "image": "shop", "checks": checks, "gates": gates})


@pytest.mark.parametrize(
    ("checks", "gates", "decided"),
    [
        ({"lint": LINT}, {}, set()),
        ({"tests": COVERED}, {}, {COVERAGE}),
        ({"tests": COVERED}, {"coverage": {"changed-lines": Decimal(80)}}, {COVERAGE, CHANGED_LINES}),
        ({"lint": LINT}, {"coverage": {"minimum": Decimal(80)}}, {COVERAGE}),
        ({"lint": LINT}, {"coverage": {"changed-lines": Decimal(80)}}, {COVERAGE, CHANGED_LINES}),
        ({"scan": SCAN}, {}, {FINDINGS, VULNERABILITIES}),
        ({"lint": LINT}, {"findings": {}}, {FINDINGS}),
    ],
)
def test_an_application_has_the_gates_that_a_check_reports_to_or_the_policy_names(
    checks: dict[str, Check], gates: dict[str, Any], decided: set[str]
) -> None:
    app = application(checks, **gates)
    known = (COVERAGE, CHANGED_LINES, FINDINGS, VULNERABILITIES)
    assert {gate for gate in known if is_decided(app, gate)} == decided
    assert {gate.gate for gate in decide_gates(app, (), FACTS)} == {*checks, *decided}


def test_what_speaks_against_the_image_counts_where_findings_are_decided() -> None:
    facts = replace(FACTS, of_image=(ONE,))
    scanned = CheckOutcome("scan", Exited(0), findings=())
    gates = {gate.gate: gate for gate in decide_gates(application({"scan": SCAN}), (scanned,), facts)}
    assert gates[FINDINGS].findings == (ONE,)
    assert gates[VULNERABILITIES].findings == ()
    assert [gate.gate for gate in decide_gates(application({"lint": LINT}), (), facts)] == ["lint"]


def test_a_finding_or_a_vulnerability_is_decided_on_whatever_report_brought_it() -> None:
    both = (ONE, replace(ONE, rule="CVE-1", kind=Kind.VULNERABILITY))
    hadolint = Check(command=("x",), reports=Reports(hadolint="h.json"))
    outcome = CheckOutcome("lint", Exited(0), findings=both)
    gates = {gate.gate: gate.findings for gate in decide_gates(application({"lint": hadolint}), (outcome,), FACTS)}
    assert gates[FINDINGS] == both[:1]
    assert VULNERABILITIES in gates


@pytest.mark.parametrize(
    ("finding", "place"),
    [
        (ONE, "a.py:3"),
        (replace(ONE, line=0), "a.py"),
        (replace(ONE, file=""), "t"),
        (replace(ONE, package="p 1"), "p 1 (a.py:3)"),
        (replace(ONE, package="p 1", file=""), "p 1"),
        (replace(ONE, file="", line=0), "t"),
    ],
)
def test_a_finding_s_place_is_what_people_can_look_at(finding: Finding, place: str) -> None:
    assert finding.place == place


def test_a_finding_is_known_by_its_own_name_then_its_line_then_its_message() -> None:
    def known(finding: Finding, text: str) -> str:
        return with_fingerprints([finding], lambda _file, _line: text)[0].fingerprint

    named = replace(ONE, identity="own")
    assert known(named, "x") == known(named, "y") != known(ONE, "x")
    assert known(ONE, "x") == known(replace(ONE, message="other"), " x ") != known(ONE, "y")
    assert known(ONE, "") != known(replace(ONE, message="other"), "")
    assert len(known(ONE, "x")) == 32


def test_of_equal_findings_each_next_one_is_another_in_the_order_of_their_lines() -> None:
    lower, upper = replace(ONE, line=9), replace(ONE, line=1)
    some = with_fingerprints([lower, upper], lambda _file, _line: "x")
    more = with_fingerprints([lower, upper, replace(ONE, line=5)], lambda _file, _line: "x")
    assert [one.line for one in more] == [1, 5, 9]
    assert len({one.fingerprint for one in more}) == 3
    assert [one.fingerprint for one in more][:2] == [one.fingerprint for one in some]


@pytest.mark.parametrize(
    ("text", "line"), [("  a \n b\t", "a b"), ("x" * 10, "x" * 10), ("x" * 11, "x" * 9 + "…"), ("", "")]
)
def test_a_message_is_one_line_of_a_length(text: str, line: str) -> None:
    assert one_line(text, 10) == line


def judged(policy: VulnerabilitiesGate, fixable: bool | None) -> bool:
    one = replace(ONE, kind=Kind.VULNERABILITY, fixable=fixable)
    return decide_vulnerabilities(policy, Sifted((one,), (), ())).verdict.has_passed


@pytest.mark.parametrize(
    ("fixable", "where_fixable", "where_not"), [(True, False, True), (False, True, False), (None, False, False)]
)
def test_each_rule_on_vulnerabilities_is_for_its_own_and_both_for_those_of_which_nobody_knows(
    fixable: bool | None, where_fixable: bool, where_not: bool
) -> None:
    """Each of the two rules alone, with the other never failing."""
    fails_fixable = VulnerabilitiesGate(fail_on_fixable="high", fail_on_unfixable="never")
    fails_others = VulnerabilitiesGate(fail_on_fixable="never", fail_on_unfixable="high")
    assert (judged(fails_fixable, fixable), judged(fails_others, fixable)) == (where_fixable, where_not)


def test_no_vulnerability_and_few_are_told_apart() -> None:
    policy = VulnerabilitiesGate()
    low = replace(ONE, severity=Severity.LOW, kind=Kind.VULNERABILITY)
    rule = "not allowed are fixable ones at high or above, others at critical or above"
    told = [decide_vulnerabilities(policy, Sifted(some, (), ())).verdict for some in ((), (low,))]
    assert told == [passed("No vulnerability."), passed(f"1 vulnerability, none too bad; {rule}.")]


def test_a_rule_that_never_fails_is_not_told() -> None:
    low = Sifted((replace(ONE, severity=Severity.LOW, kind=Kind.VULNERABILITY),), (), ())
    fixable = VulnerabilitiesGate(fail_on_unfixable="never")
    told = decide_vulnerabilities(fixable, low).verdict.reason
    assert told == "1 vulnerability, none too bad; not allowed are fixable ones at high or above."
    nothing = VulnerabilitiesGate(fail_on_fixable="never", fail_on_unfixable="never")
    assert decide_vulnerabilities(nothing, low).verdict == passed("1 vulnerability, however bad.")


@pytest.mark.parametrize(("count", "more"), [(1, ""), (3, ""), (4, "; and 1 more")])
def test_as_many_waivers_are_named_as_people_read(count: int, more: str) -> None:
    waiver = Waiver(rule="R", owner="Pat", reason="why", expires=date(2031, 5, 17))
    use = WaiverUse(ONE, waiver)
    reason = decide_vulnerabilities(VulnerabilitiesGate(), Sifted((), (use,) * count, ())).verdict.reason
    assert reason.count("(until 2031-05-17, Pat: why)") == min(count, 3)
    assert reason.endswith(f"{more}.")
    assert ("more" in reason) == bool(more)


def test_a_finding_alone_is_counted_with_its_severity() -> None:
    other = replace(ONE, severity=Severity.LOW)
    verdict = decide_findings(FindingsGate(fail_on_new="never", at_most={"low": 0}), Sifted((ONE, other), (), ()), None)
    assert verdict.verdict == failed("1 low finding, but at most 0 may be there; the first: a.py:3: R: no.")


@pytest.mark.parametrize(("covered", "valid"), [(0, 0), (2, 1), (-1, 1)])
def test_a_share_that_cannot_be_is_no_coverage(covered: int, valid: int) -> None:
    with pytest.raises(InvalidReport, match="is not a coverage"):
        CoveredLines(covered, valid)
    assert CoveredLines(0, 1).percent == 0
    assert CoveredLines(1, 1).percent == 100


def test_a_coverage_without_a_line_is_none() -> None:
    empty = FileCoverage("a.py", frozenset(), frozenset())
    with pytest.raises(InvalidReport, match="without any line"):
        Coverage((empty,))
    for other in (replace(empty, covered=frozenset({1})), replace(empty, missed=frozenset({1}))):
        assert Coverage((empty, other)).lines.valid == 1


def test_files_are_in_the_order_of_their_names() -> None:
    assert [file.file for file in coverage_of({("c", 1): 1, ("a", 1): 0, ("b", 1): 1}).files] == ["a", "b", "c"]


def test_of_files_known_by_their_end_the_longest_that_fits_is_the_one() -> None:
    measured = coverage_of({("**/shop.kt", 1): 0, ("**/acme/shop.kt", 1): 1, ("**/other/acme/shop.kt", 1): 0})
    part = measured.only({"src/acme/shop.kt": frozenset({1})})
    assert part is not None
    assert part.lines == CoveredLines(1, 1)
    assert measured.only({"src/myshop.kt": frozenset({1})}) is None


def test_counts_of_tests_are_added_one_by_one() -> None:
    one = TestCount(passed=1, failed=2, errors=4, skipped=8, flaky=16, failures=("a",))
    other = TestCount(passed=100, failed=200, errors=400, skipped=800, flaky=1600, failures=("b",))
    assert one + other == TestCount(101, 202, 404, 808, 1616, ("a", "b"))
    assert one.total == 15


def test_a_line_that_two_measured_ran_where_one_of_them_ran_it() -> None:
    both = join_coverage([coverage_of({("a", 1): 0, ("a", 2): 0}), coverage_of({("a", 1): 3})])
    assert both.files == (FileCoverage("a", frozenset({1}), frozenset({2})),)


def test_a_program_that_nobody_knows_has_no_hint() -> None:
    assert install_hint("/usr/bin/odd") == ""
    assert install_hint("/usr/bin/ruff") == " To get it: pip install ruff."


@pytest.mark.parametrize(
    "text", ["[]", "version: 1\nwaivers: {}", "version: 1\nwaivers: [x]", "version: 1\nwaivers: 3"]
)
def test_a_file_of_waivers_in_another_shape_is_a_mistake_with_a_place(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^w\.yaml:\d+: "):
        parse_waivers(text, file="w.yaml", applications=["shop"])
