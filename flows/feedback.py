"""Tells GitHub what integrate finds out about a commit: its gates, and what they come to."""

from collections.abc import Iterable

from prefect.runtime import flow_run

from flows.workshop import Workshop
from tasks.domain.feedback.check import CheckReport, aggregate_report, gate_report
from tasks.domain.feedback.origin import Origin
from tasks.domain.gates.gate import GateResult
from tasks.domain.verdict import Verdict, pending
from tasks.github_checks import report_checks
from tasks.runs import run_url


def report_beginning(workshop: Workshop, commit: str, pull_request: int | None) -> None:
    """Nobody merges while the gates are being checked."""
    report_verdict(workshop, commit, pending("The gates are being checked."), pull_request=pull_request)


def report_gates_to_github(
    workshop: Workshop, commit: str, gates: Iterable[GateResult], pull_request: int | None
) -> None:
    """Each gate's own line, with its findings."""
    _report(workshop, commit, tuple(gate_report(gate) for gate in gates), pull_request)


def report_verdict(
    workshop: Workshop,
    commit: str,
    verdict: Verdict,
    gates: Iterable[GateResult] = (),
    pull_request: int | None = None,
) -> None:
    """The one line that branch protection can require."""
    _report(workshop, commit, (aggregate_report(verdict, gates),), pull_request)


def _report(workshop: Workshop, commit: str, reports: tuple[CheckReport, ...], pull_request: int | None) -> None:
    origin = Origin(workshop.application, pull_request, str(flow_run.id))
    url = run_url(str(flow_run.id))
    report_checks(workshop.github, workshop.app.repository, commit, reports, origin, url)
