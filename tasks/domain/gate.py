"""Quality gates: named checks of a commit that decide whether an image is built."""

from dataclasses import dataclass

from tasks.domain.delivery import Application, Check, CoverageGate
from tasks.domain.errors import ConfigurationError
from tasks.domain.report import Coverage, SonarQubeAnalysis, TestCount
from tasks.domain.verdict import Outcome, Verdict, failed, passed, pending

AGGREGATE = "tidegate"
COVERAGE = "coverage"


@dataclass(frozen=True, slots=True)
class GateResult:
    """What one gate said about one commit."""

    gate: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Exited:
    """The command ended by itself; a negative code is the signal that ended it."""

    code: int


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The command was killed after its time limit, in seconds."""

    limit: int


@dataclass(frozen=True, slots=True)
class NotStarted:
    """The command could not be started at all."""

    reason: str


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """What running one check brought to light; `quality_gate` is SonarQube's word on `analysis`, once it is known."""

    check: str
    ending: Exited | TimedOut | NotStarted
    seconds: float = 0.0
    tail: tuple[str, ...] = ()
    tests: TestCount | None = None
    coverage: Coverage | None = None
    analysis: SonarQubeAnalysis | None = None
    quality_gate: Verdict | None = None
    report_problem: str | None = None
    attempts: int = 1


def decide_gates(application: Application, outcomes: tuple[CheckOutcome, ...]) -> tuple[GateResult, ...]:
    """One gate for each configured check, and `coverage` where it is configured; a check without outcome has failed.

    Raises ConfigurationError where a check takes the name of a gate that is not its own.
    """
    taken = {AGGREGATE} | ({COVERAGE} if application.gates.coverage else set())
    if clash := sorted(taken & application.checks.keys()):
        raise ConfigurationError(f"check {clash[0]!r} has the name of another gate; give the check another name")
    by_name = {outcome.check: outcome for outcome in outcomes}
    gates = [GateResult(name, decide_check(check, by_name.get(name))) for name, check in application.checks.items()]
    if application.gates.coverage:
        gates.append(GateResult(COVERAGE, _decide_coverage(application, application.gates.coverage, by_name)))
    return tuple(gates)


def decide_all(gates: tuple[GateResult, ...]) -> Verdict:
    """The aggregate: passed only where there are gates and every one has passed."""
    if not gates:
        return failed("No gate was decided; configure at least one check.")
    bad = [gate.gate for gate in gates if gate.verdict.has_failed]
    if bad:
        return failed(f"{len(bad)} of {_count(len(gates), 'gate')} failed: {', '.join(bad)}.")
    if waiting := [gate.gate for gate in gates if gate.verdict.outcome is Outcome.PENDING]:
        return pending(f"Waiting for {', '.join(waiting)}.")
    return passed(f"All {_count(len(gates), 'gate')} passed." if len(gates) > 1 else f"Gate {gates[0].gate} passed.")


def decide_check(check: Check, outcome: CheckOutcome | None) -> Verdict:
    """The verdict on one check's outcome; pending only while SonarQube still computes."""
    if outcome is None:
        return failed("The check did not run; look at the flow run's log.")
    problem = _command_problem(check, outcome) or outcome.report_problem
    if problem:
        return failed(problem)
    if problem := _missing_report(check, outcome):
        return failed(problem)
    if check.sonarqube_report_task and (outcome.quality_gate is None or not outcome.quality_gate.has_passed):
        return outcome.quality_gate or pending("Waiting for SonarQube's quality gate.")
    said = outcome.quality_gate.reason if outcome.quality_gate else _praise(outcome)
    again = "" if outcome.attempts == 1 else f" It is flaky: it took {outcome.attempts} tries."
    return passed(said + again)


def _command_problem(check: Check, outcome: CheckOutcome) -> str | None:
    program = check.command[0]
    tests = outcome.tests
    if isinstance(outcome.ending, NotStarted):
        return f"`{program}` could not be started: {outcome.ending.reason}"
    if isinstance(outcome.ending, TimedOut):
        return f"`{program}` did not end within {outcome.ending.limit} s and was killed."
    if tests and tests.failures:
        more = f" and {len(tests.failures) - 1} more" if len(tests.failures) > 1 else ""
        return f"{len(tests.failures)} of {_count(tests.total, 'test')} failed: {tests.failures[0]}{more}."
    if outcome.ending.code < 0:
        return f"`{program}` was ended by signal {-outcome.ending.code}."
    if outcome.ending.code > 0:
        last = next((line for line in reversed(outcome.tail) if line.strip()), "it printed nothing").strip()
        return f"`{program}` ended with exit code {outcome.ending.code}: {last}"
    return None


def _missing_report(check: Check, outcome: CheckOutcome) -> str | None:
    facts = ((check.junit, outcome.tests), (check.cobertura, outcome.coverage))
    for path, fact in (*facts, (check.sonarqube_report_task, outcome.analysis)):
        if path is not None and fact is None:
            return f"{path} was not read; the check must write it."
    if outcome.tests and not outcome.tests.total - outcome.tests.skipped:
        return f"{check.junit} has no test that ran ({outcome.tests.skipped} skipped); run at least one."
    return None


def _praise(outcome: CheckOutcome) -> str:
    if not outcome.tests:
        return f"Passed in {outcome.seconds:.1f} s."
    skipped = f", {outcome.tests.skipped} skipped" if outcome.tests.skipped else ""
    flaky = f", {outcome.tests.flaky} flaky" if outcome.tests.flaky else ""
    return f"{_count(outcome.tests.passed, 'test')} passed{skipped}{flaky}."


def _decide_coverage(application: Application, gate: CoverageGate, by_name: dict[str, CheckOutcome]) -> Verdict:
    reporting = [name for name, check in application.checks.items() if check.cobertura]
    measured = [outcome.coverage for name in reporting if (outcome := by_name.get(name)) and outcome.coverage]
    if not measured or len(measured) < len(reporting):
        return failed("Coverage is not known: a check must write the Cobertura report that `cobertura` names.")
    whole = sum(measured[1:], start=measured[0])
    sentence = f"{whole.percent} % of lines are covered ({whole.covered} of {whole.valid})"
    if whole.reaches(gate.minimum):
        return passed(f"{sentence}, at least {gate.minimum} % are asked for.")
    return failed(f"{sentence}, but at least {gate.minimum} % are asked for; add tests.")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
