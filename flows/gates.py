"""Runs an application's checks side by side and decides the gates; the first half of integrate."""

from dataclasses import replace

from flows.comparison import compares, gather_gate_facts, remember_findings
from flows.workshop import Workshop
from tasks.artifacts import report_gates
from tasks.checks import run_check
from tasks.domain.gates.checks import CheckOutcome
from tasks.domain.gates.engine import decide_gates
from tasks.domain.gates.gate import GateResult, decide_all
from tasks.domain.verdict import Verdict
from tasks.sonarqube import wait_for_quality_gate
from tasks.source import checkout, read_mainline


def decide_commit(workshop: Workshop, commit: str) -> tuple[tuple[GateResult, ...], Verdict]:
    """Every gate's verdict, as a table in the Prefect UI too, and what they come to; the caller tells GitHub."""
    place = (workshop.github, workshop.app.repository)
    # Beside the checks, which take longer.
    looking = read_mainline.submit(*place, workshop.app.branch, commit) if compares(workshop) else None
    outcomes = _run_checks(workshop, commit)
    mainline = looking.result() if looking else None
    gates = decide_gates(workshop.app, outcomes, gather_gate_facts(workshop, commit, mainline))
    verdict = decide_all(gates)
    if mainline and mainline.holds_it and verdict.has_passed:
        remember_findings(workshop, commit, gates)
    report_gates(workshop.application, gates, f"{workshop.application} {commit[:7]}: {verdict.reason}")
    return gates, verdict


def _run_checks(workshop: Workshop, commit: str) -> tuple[CheckOutcome, ...]:
    with checkout(workshop.github, workshop.app.repository, commit) as tree:
        running = [
            run_check.submit(name, check, tree, sonarqube=workshop.sonarqube)
            for name, check in workshop.app.checks.items()
        ]
        outcomes = [future.result() for future in running]
    return tuple(_with_quality_gate(workshop, outcome) for outcome in outcomes)


def _with_quality_gate(workshop: Workshop, outcome: CheckOutcome) -> CheckOutcome:
    if outcome.analysis is None or workshop.sonarqube is None:
        return outcome
    accept = workshop.app.gates.sonarqube.accept
    return replace(outcome, quality_gate=wait_for_quality_gate(workshop.sonarqube, outcome.analysis, accept=accept))
