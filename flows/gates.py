"""Runs an application's checks side by side and decides the gates; the first half of integrate."""

from dataclasses import replace

from prefect.runtime import flow_run

from flows.comparison import compares, gather_gate_facts, remember_findings
from flows.workshop import Workshop
from tasks.artifacts import report_gates
from tasks.checks import run_check
from tasks.domain.gates.checks import CheckOutcome
from tasks.domain.gates.engine import decide_gates
from tasks.domain.gates.gate import AGGREGATE, GateResult, decide_all
from tasks.domain.verdict import Verdict
from tasks.github import set_status
from tasks.runs import run_url
from tasks.sonarqube import wait_for_quality_gate
from tasks.source import checkout, read_mainline


def decide_commit(workshop: Workshop, commit: str) -> tuple[tuple[GateResult, ...], Verdict]:
    """Every gate's verdict, reported to GitHub and as a table, and the aggregate, which the caller reports."""
    place = (workshop.github, workshop.app.repository)
    # Beside the checks, which take longer.
    looking = read_mainline.submit(*place, workshop.app.branch, commit) if compares(workshop) else None
    outcomes = _run_checks(workshop, commit)
    mainline = looking.result() if looking else None
    gates = decide_gates(workshop.app, outcomes, gather_gate_facts(workshop, commit, mainline))
    verdict = decide_all(gates)
    if mainline and mainline.holds_it and verdict.has_passed:
        remember_findings(workshop, commit, gates)
    for gate in gates:
        _report(workshop, commit, f"{AGGREGATE}/{gate.gate}", gate.verdict)
    report_gates(workshop.application, gates, f"{workshop.application} {commit[:7]}: {verdict.reason}")
    return gates, verdict


def report_verdict(workshop: Workshop, commit: str, verdict: Verdict) -> None:
    """The one status that branch protection can require."""
    _report(workshop, commit, AGGREGATE, verdict)


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


def _report(workshop: Workshop, commit: str, context: str, verdict: Verdict) -> None:
    url = run_url(str(flow_run.id))
    set_status(workshop.github, workshop.app.repository, commit, context, verdict, target_url=url)
