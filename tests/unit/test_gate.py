"""Each gate says passed, failed or pending in a sentence; what is missing has failed."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tasks.domain.delivery.application import Application
from tasks.domain.delivery.ecr import Ecr
from tasks.domain.errors import ConfigurationError
from tasks.domain.gates.check import Check, Reports
from tasks.domain.gates.checks import CheckOutcome, Exited, LimitHit, NotStarted, TimedOut, decide_check
from tasks.domain.gates.engine import GateFacts, decide_gates
from tasks.domain.gates.finding import Finding, Severity
from tasks.domain.gates.gate import RESERVED, GateResult, decide_all
from tasks.domain.gates.measure import Coverage, CoveredLines, TestCount, coverage_of
from tasks.domain.gates.tries import Try
from tasks.domain.reports.sonarqube import SonarQubeAnalysis
from tasks.domain.verdict import Verdict, failed, passed, pending

LINT = Check(command=("ruff", "check"))
TESTS = Check(command=("pytest",), reports=Reports(junit="junit.xml", cobertura="coverage.xml"))
SCAN = Check(command=("pysonar",), reports=Reports(sonarqube="report-task.txt"))
BANDIT = Check(command=("bandit",), reports=Reports(bandit="bandit.json"), exit_codes=(0, 1))
ANALYSIS = SonarQubeAnalysis("AY1", "shop-api")
FACTS = GateFacts(date(2031, 5, 17))
FINDING = Finding("bandit", "B1", Severity.LOW, "no", "a.py", 1)


def lines(covered: int, valid: int, file: str = "a.py") -> Coverage:
    return coverage_of({(file, number): number <= covered for number in range(1, valid + 1)})


def application(*, minimum: str | None = "80", checks: dict[str, Check], **gates: Any) -> Application:
    gates |= {"coverage": {"minimum": Decimal(minimum)}} if minimum else {}
    return Application.model_validate(
        {"repository": "acme/shop-api", "image": "acme/shop-api", "checks": checks, "gates": gates}
    )


def outcome(check: str = "tests", **facts: Any) -> CheckOutcome:
    return replace(CheckOutcome(check, Exited(0), seconds=1.25), **facts)


def after_tests(**facts: Any) -> CheckOutcome:
    return replace(outcome(tests=TestCount(passed=3), coverage=lines(9, 10)), **facts)


@pytest.mark.parametrize(
    ("check", "ran", "verdict"),
    [
        (LINT, outcome(), passed("Passed in 1.2 s.")),
        (LINT, None, failed("The check did not run; look at the flow run's log.")),
        (
            LINT,
            outcome(ending=Exited(1), tail=("a.py:1: unused import", "Found 1 error.", "")),
            failed("`ruff` ended with exit code 1: Found 1 error."),
        ),
        (LINT, outcome(ending=Exited(-9)), failed("`ruff` was ended by signal 9.")),
        (LINT, outcome(ending=TimedOut(900)), failed("`ruff` did not end within 900 s and was killed.")),
        (
            LINT,
            outcome(ending=NotStarted("no.")),
            failed("`ruff` could not be started: no. To get it: pip install ruff."),
        ),
        (
            LINT,
            outcome(ending=LimitHit("more than 1 MB of memory")),
            failed("`ruff` took more than 1 MB of memory and was killed; raise the check's `limits`, or use less."),
        ),
        (
            LINT,
            outcome(ending=Exited(127), tail=("sh: 1: pip-audit: not found",)),
            failed("`ruff` ended with exit code 127: sh: 1: pip-audit: not found. To get it: pip install pip-audit."),
        ),
        (
            LINT,
            outcome(ending=Exited(1), tail=("pip-audit: not found",)),
            failed("`ruff` ended with exit code 1: pip-audit: not found"),
        ),
        (LINT, outcome(ending=Exited(127), tail=("odd",)), failed("`ruff` ended with exit code 127: odd")),
        (
            LINT,
            outcome(earlier=(Try("1 of 3 tests failed: a.", could_not_run=False),)),
            passed("Passed in 1.2 s. Flaky: passed on the 2nd try; the 1st failed: 1 of 3 tests failed: a."),
        ),
        (TESTS, after_tests(), passed("3 tests passed.")),
        (
            TESTS,
            after_tests(tests=TestCount(passed=1, skipped=2, flaky=1)),
            passed("1 test passed, 2 skipped, 1 flaky."),
        ),
        (
            TESTS,
            after_tests(ending=Exited(1), tests=TestCount(passed=2, failed=2, failures=("a: x", "b: y"))),
            failed("2 of 4 tests failed: a: x and 1 more."),
        ),
        (
            TESTS,
            after_tests(tests=TestCount(passed=2, failed=1, failures=("a: x",))),
            failed("1 of 3 tests failed: a: x."),
        ),
        (TESTS, after_tests(ending=Exited(4)), failed("`pytest` ended with exit code 4: it printed nothing")),
        (TESTS, after_tests(tests=None, report_problem="junit.xml is empty; x"), failed("junit.xml is empty; x")),
        (TESTS, after_tests(coverage=None), failed("coverage.xml was not read; the check must write it.")),
        (
            TESTS,
            after_tests(tests=TestCount(skipped=2)),
            failed("junit.xml has no test that ran (2 skipped); run at least one."),
        ),
        (BANDIT, outcome(ending=Exited(1), findings=(FINDING,)), passed("Passed in 1.2 s. 1 finding reported.")),
        (BANDIT, outcome(findings=()), passed("Passed in 1.2 s. 0 findings reported.")),
        (BANDIT, outcome(ending=Exited(1)), failed("bandit.json was not read; the check must write it.")),
        (
            BANDIT,
            outcome(ending=Exited(1), report_problem="bandit.json was not written; x", tail=("cannot reach it", " ")),
            failed("bandit.json was not written; x. `bandit` ended with exit code 1: cannot reach it"),
        ),
        (BANDIT, outcome(ending=Exited(2), tail=("usage",)), failed("`bandit` ended with exit code 2: usage")),
        (SCAN, outcome(), failed("report-task.txt was not read; the check must write it.")),
        (SCAN, outcome(analysis=ANALYSIS), pending("Waiting for SonarQube's quality gate.")),
        (SCAN, outcome(analysis=ANALYSIS, quality_gate=failed("coverage")), failed("coverage")),
        (SCAN, outcome(analysis=ANALYSIS, quality_gate=passed("good")), passed("good")),
        (
            SCAN,
            outcome(analysis=ANALYSIS, quality_gate=passed("Good."), earlier=(Try("No net.", could_not_run=True),)),
            passed("Good. Passed on the 2nd try; the 1st could not run: No net."),
        ),
        (
            SCAN,
            outcome(ending=Exited(2), quality_gate=passed("old")),
            failed("`pysonar` ended with exit code 2: it printed nothing"),
        ),
    ],
)
def test_a_check_is_judged_by_how_it_ended_and_by_its_reports(
    check: Check, ran: CheckOutcome | None, verdict: Verdict
) -> None:
    assert decide_check(check, ran) == verdict


def test_there_is_a_gate_for_each_configured_check_and_for_what_they_report() -> None:
    gates = decide_gates(
        application(checks={"lint": LINT, "tests": TESTS, "bandit": BANDIT}, minimum=None),
        (after_tests(), outcome("lint"), outcome("stranger"), outcome("bandit", findings=())),
        FACTS,
    )
    assert gates == (
        GateResult("lint", passed("Passed in 1.2 s.")),
        GateResult("tests", passed("3 tests passed.")),
        GateResult("bandit", passed("Passed in 1.2 s. 0 findings reported.")),
        GateResult(
            "coverage",
            passed("90.00 % of lines are covered (9 of 10), at least 80 % are asked for."),
            coverage=CoveredLines(9, 10),
        ),
        GateResult("findings", passed("No finding.")),
    )


def test_a_check_that_never_ran_fails_its_gate() -> None:
    [gate] = decide_gates(application(checks={"lint": LINT}, minimum=None), (), FACTS)
    assert gate.verdict.has_failed


@pytest.mark.parametrize(
    ("coverage", "verdict"),
    [
        (
            lines(15999, 20000),
            failed("79.99 % of lines are covered (15999 of 20000), but at least 80 % are asked for; add tests."),
        ),
        (lines(4, 5), passed("80.00 % of lines are covered (4 of 5), at least 80 % are asked for.")),
        (
            None,
            failed(
                "Coverage is not known: every check with a coverage report must write it; look at the checks' gates."
            ),
        ),
    ],
)
def test_coverage_just_below_the_minimum_or_missing_fails(coverage: Coverage | None, verdict: Verdict) -> None:
    for minimum in ("80", None):
        gates = decide_gates(
            application(checks={"tests": TESTS}, minimum=minimum), (after_tests(coverage=coverage),), FACTS
        )
        assert gates[-1] == GateResult("coverage", verdict, coverage=coverage.lines if coverage else None)


def test_coverage_of_several_checks_is_that_of_all_their_lines_and_missing_where_one_is_missing() -> None:
    both = application(checks={"tests": TESTS, "web": TESTS})
    web = after_tests(check="web", coverage=lines(0, 90, "web.js"))
    gate = decide_gates(both, (after_tests(), web), FACTS)[-1]
    assert gate.verdict.reason.startswith("9.00 % of lines are covered (9 of 100)")
    assert decide_gates(both, (after_tests(),), FACTS)[-1].verdict.has_failed


@pytest.mark.parametrize("gate", ["coverage", "findings", "vulnerabilities"])
def test_a_gate_that_is_asked_for_without_any_check_that_reports_to_it_fails(gate: str) -> None:
    last = decide_gates(application(checks={"lint": LINT}, minimum=None, **{gate: {}}), (outcome("lint"),), FACTS)[-1]
    assert (last.gate, last.verdict.has_failed) == (gate, True)


@pytest.mark.parametrize("bandit", [None, outcome("bandit"), outcome("bandit", findings=(), report_problem="cut off")])
def test_findings_of_which_a_part_is_missing_are_not_known(bandit: CheckOutcome | None) -> None:
    both = application(checks={"bandit": BANDIT, "other": BANDIT}, minimum=None)
    other = outcome("other", findings=())
    gate = decide_gates(both, (other, bandit) if bandit else (other,), FACTS)[-1]
    assert gate == GateResult(
        "findings", failed("Not known: check 'bandit' did not bring its report; look at its gate.")
    )


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_a_check_may_not_take_the_name_of_a_gate_that_is_not_its_own(name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        decide_gates(application(checks={name: LINT}), (), FACTS)


def test_the_image_s_scan_takes_its_name_only_where_it_is_awaited() -> None:
    named = application(checks={"image-scan": LINT}, minimum=None)
    assert [gate.gate for gate in decide_gates(named, (outcome("image-scan"),), FACTS)] == ["image-scan"]
    scanned = named.model_copy(update={"ecr": Ecr()})
    with pytest.raises(ConfigurationError, match="'image-scan' has the name of another gate"):
        decide_gates(scanned, (outcome("image-scan"),), FACTS)


@pytest.mark.parametrize(
    ("verdicts", "whole"),
    [
        ([], failed("No gate was decided; configure at least one check.")),
        ([passed("x")], passed("Gate a passed.")),
        ([passed("x"), passed("y")], passed("All 2 gates passed.")),
        ([passed("x"), failed("y"), pending("z")], failed("1 of 3 gates failed: b.")),
        ([passed("x"), pending("y")], pending("Waiting for b.")),
    ],
)
def test_the_aggregate_passes_only_where_every_gate_passed(verdicts: list[Verdict], whole: Verdict) -> None:
    assert decide_all(tuple(GateResult(name, v) for name, v in zip("abc", verdicts, strict=False))) == whole
