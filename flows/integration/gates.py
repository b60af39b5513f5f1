"""Runs an application's checks side by side and decides the gates; the first half of integrate."""

from dataclasses import dataclass, replace

from flows.integration.checks import run_checks
from flows.integration.comparison import find_base, gather_gate_facts, remember
from flows.integration.scans import read_scanned
from flows.places.workshop import Workshop
from tasks.artifacts import report_page
from tasks.domain.gates.baseline import Baseline
from tasks.domain.gates.engine import decide_gates
from tasks.domain.gates.gate import GateResult, decide_all
from tasks.domain.message import gates_page
from tasks.domain.verdict import Verdict
from tasks.source.checkout import read_mainline


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided of a commit; `base` is what is known of the mainline before it, None where nothing is."""

    gates: tuple[GateResult, ...]
    verdict: Verdict
    is_on_mainline: bool
    base: Baseline | None


def decide_commit(workshop: Workshop, commit: str, pull_request: int | None = None, *, fresh: bool = False) -> Decided:
    """Every gate's verdict, as a page in the Prefect UI too, and what they come to; the caller tells GitHub."""
    place = (workshop.github, workshop.app.repository)
    # Beside the checks, which take longer.
    looking = read_mainline.submit(*place, workshop.app.branch, commit)
    checked = run_checks(workshop, read_scanned(workshop, commit, pull_request), looking, fresh=fresh)
    workshop, mainline = checked.workshop, looking.result()
    base = find_base(workshop, mainline)
    facts = replace(gather_gate_facts(workshop, commit, mainline, base), of_image=checked.of_image)
    decided = decide_gates(workshop.app, checked.outcomes, facts)
    gates = (*checked.gates, *decided)
    verdict = decide_all(gates)
    if mainline.holds_it and verdict.has_passed:
        remember(workshop, commit, gates)
    name = f"{workshop.application} {commit[:7]}"
    report_page(workshop.application, "gates", gates_page(name, verdict, gates), f"{name}: {verdict.reason}")
    return Decided(gates, verdict, mainline.holds_it, base)
