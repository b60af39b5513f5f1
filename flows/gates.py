"""Runs an application's checks side by side and decides the gates; the first half of integrate."""

from flows.checks import run_checks
from flows.comparison import compares, gather_gate_facts, remember_findings
from flows.workshop import Workshop
from tasks.artifacts import report_gates
from tasks.domain.gates.engine import decide_gates
from tasks.domain.gates.gate import GateResult, decide_all
from tasks.domain.verdict import Verdict
from tasks.source import read_mainline


def decide_commit(workshop: Workshop, commit: str) -> tuple[tuple[GateResult, ...], Verdict]:
    """Every gate's verdict, as a table in the Prefect UI too, and what they come to; the caller tells GitHub."""
    place = (workshop.github, workshop.app.repository)
    # Beside the checks, which take longer.
    looks = compares(workshop) or workshop.app.wanted_toolchain
    looking = read_mainline.submit(*place, workshop.app.branch, commit) if looks else None
    checked = run_checks(workshop, commit, looking)
    workshop, mainline = checked.workshop, looking.result() if looking else None
    decided = decide_gates(workshop.app, checked.outcomes, gather_gate_facts(workshop, commit, mainline))
    gates = (*checked.gates, *decided)
    verdict = decide_all(gates)
    if mainline and mainline.holds_it and verdict.has_passed:
        remember_findings(workshop, commit, gates)
    report_gates(workshop.application, gates, f"{workshop.application} {commit[:7]}: {verdict.reason}")
    return gates, verdict
