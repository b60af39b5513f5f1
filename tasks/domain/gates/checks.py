"""The gate of one check: how its command ended, and whether its reports are there and free of failed tests."""

import re
from dataclasses import dataclass

from tasks.domain.gates.check import COVERAGE_FORMATS, FINDING_FORMATS, TEST_FORMATS, VULNERABILITY_FORMATS, Check
from tasks.domain.gates.finding import Finding
from tasks.domain.gates.install_hint import install_hint
from tasks.domain.gates.measure import Coverage, TestCount
from tasks.domain.gates.tries import Try, say_failed_after, say_passed_after
from tasks.domain.reports.sonarqube import SonarQubeAnalysis
from tasks.domain.verdict import Verdict, failed, passed, pending
from tasks.domain.wording import counted

_NOT_FOUND = re.compile(r"([\w.+-]+): (?:command )?not found")


@dataclass(frozen=True, slots=True)
class Exited:
    """The command ended by itself; a negative code is the signal that ended it."""

    code: int


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The command was killed after its time limit, in seconds."""

    limit: int


@dataclass(frozen=True, slots=True)
class LimitHit:
    """The command was killed because it took more than it may; `excess` says of what, such as "more than 1 MB of"."""

    excess: str


@dataclass(frozen=True, slots=True)
class NotStarted:
    """The command could not be started at all."""

    reason: str


Ending = Exited | TimedOut | LimitHit | NotStarted


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """What running one check brought to light; `quality_gate` is SonarQube's word on `analysis`, once it is known.

    `findings` is None where no report of findings could be read, and empty where one was and names none. `earlier` are
    the tries before this one.
    """

    check: str
    ending: Ending
    seconds: float = 0.0
    tail: tuple[str, ...] = ()
    tests: TestCount | None = None
    coverage: Coverage | None = None
    findings: tuple[Finding, ...] | None = None
    analysis: SonarQubeAnalysis | None = None
    quality_gate: Verdict | None = None
    report_problem: str | None = None
    earlier: tuple[Try, ...] = ()


def decide_check(check: Check, outcome: CheckOutcome | None) -> Verdict:
    """The verdict on one check's outcome; pending only while SonarQube still computes."""
    if outcome is None:
        return failed("The check did not run; look at the flow run's log.")
    problem = problem_of(check, outcome)
    if problem:
        return failed(problem + say_failed_after(outcome.earlier))
    if check.reports.sonarqube and (outcome.quality_gate is None or not outcome.quality_gate.has_passed):
        return outcome.quality_gate or pending("Waiting for SonarQube's quality gate.")
    said = outcome.quality_gate.reason if outcome.quality_gate else _praise(outcome)
    return passed(said + say_passed_after(outcome.earlier))


def problem_of(check: Check, outcome: CheckOutcome) -> str | None:
    """Why this try has failed; None where command and reports are as they have to be."""
    return _command_problem(check, outcome) or _report_problem(check, outcome) or _missing_report(check, outcome)


def _command_problem(check: Check, outcome: CheckOutcome) -> str | None:
    program = check.command[0]
    tests = outcome.tests
    if isinstance(outcome.ending, NotStarted):
        return f"`{program}` could not be started: {outcome.ending.reason}{install_hint(program)}"
    if isinstance(outcome.ending, LimitHit):
        return f"`{program}` took {outcome.ending.excess} and was killed; raise the check's `limits`, or use less."
    if isinstance(outcome.ending, TimedOut):
        return f"`{program}` did not end within {outcome.ending.limit} s and was killed."
    if tests and tests.failures:
        more = f" and {len(tests.failures) - 1} more" if len(tests.failures) > 1 else ""
        return f"{len(tests.failures)} of {counted(tests.total, 'test')} failed: {tests.failures[0]}{more}."
    if outcome.ending.code < 0:
        return f"`{program}` was ended by signal {-outcome.ending.code}."
    if outcome.ending.code not in check.exit_codes:
        return f"{_last_words(program, outcome)}{_absent_in_script(outcome)}"
    return None


def _report_problem(check: Check, outcome: CheckOutcome) -> str | None:
    # Where an exit code that is allowed means findings, it means a failure too: pip-audit ends with 1 for either.
    if outcome.report_problem and isinstance(outcome.ending, Exited) and outcome.ending.code:
        return f"{outcome.report_problem}. {_last_words(check.command[0], outcome)}"
    return outcome.report_problem


def _last_words(program: str, outcome: CheckOutcome) -> str:
    code = outcome.ending.code if isinstance(outcome.ending, Exited) else 0
    return f"`{program}` ended with exit code {code}: {_last_line(outcome)}"


def _last_line(outcome: CheckOutcome) -> str:
    return next((line for line in reversed(outcome.tail) if line.strip()), "it printed nothing").strip()


def _absent_in_script(outcome: CheckOutcome) -> str:
    # The code of a shell that did not find a program (POSIX, Shell Command Language, 2.8.2).
    is_absent = outcome.ending == Exited(127) and (found := _NOT_FOUND.search(_last_line(outcome)))
    return f".{install_hint(found[1])}" if is_absent and found else ""


def _missing_report(check: Check, outcome: CheckOutcome) -> str | None:
    facts = (
        (TEST_FORMATS, outcome.tests),
        (COVERAGE_FORMATS, outcome.coverage),
        ((*FINDING_FORMATS, *VULNERABILITY_FORMATS), outcome.findings),
        (("sonarqube",), outcome.analysis),
    )
    for path in (path for formats, fact in facts if fact is None for path in _paths(check, formats)):
        return f"{path} was not read; the check must write it."
    if outcome.tests and not outcome.tests.total - outcome.tests.skipped:
        report = ", ".join(_paths(check, TEST_FORMATS))
        return f"{report} has no test that ran ({outcome.tests.skipped} skipped); run at least one."
    return None


def _paths(check: Check, formats: tuple[str, ...]) -> list[str]:
    return [path for name, path in check.reports.paths().items() if name in formats]


def _praise(outcome: CheckOutcome) -> str:
    found = "" if outcome.findings is None else f" {counted(len(outcome.findings), 'finding')} reported."
    if not outcome.tests:
        return f"Passed in {outcome.seconds:.1f} s.{found}"
    skipped = f", {outcome.tests.skipped} skipped" if outcome.tests.skipped else ""
    flaky = f", {outcome.tests.flaky} flaky" if outcome.tests.flaky else ""
    return f"{counted(outcome.tests.passed, 'test')} passed{skipped}{flaky}.{found}"
