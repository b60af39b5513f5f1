"""Tells GitHub what integrate finds out about a commit: its gates, and what they come to."""

from collections.abc import Iterable

from prefect import get_run_logger
from prefect.runtime import flow_run

from flows.integration.gates import Decided
from flows.places.workshop import Workshop
from tasks.domain.feedback.check import aggregate_report, gate_report
from tasks.domain.feedback.comment import CheckedCommit, gates_comment
from tasks.domain.feedback.names import check_names
from tasks.domain.feedback.origin import Origin
from tasks.domain.gates.gate import GateResult
from tasks.domain.verdict import Verdict, pending
from tasks.github.checks import report_checks
from tasks.github.comments import write_comment
from tasks.github.pull_requests import read_pull_request
from tasks.github.whole_check import report_aggregate
from tasks.runs.promotions import run_url


def report_beginning(workshop: Workshop, commit: str, pull_request: int | None) -> None:
    """Nobody merges while the gates are being checked."""
    report_verdict(workshop, commit, pending("The gates are being checked."), pull_request=pull_request)


def report_gates_to_github(
    workshop: Workshop, commit: str, gates: Iterable[GateResult], pull_request: int | None
) -> None:
    """Each gate's own line, with its findings."""
    aggregate = check_names(workshop.delivery, workshop.application).aggregate
    reports = tuple(gate_report(gate, aggregate) for gate in gates)
    where = (workshop.github, workshop.app.repository, commit)
    report_checks(*where, reports, *_told_by(workshop, pull_request))


def report_verdict(
    workshop: Workshop,
    commit: str,
    verdict: Verdict,
    gates: Iterable[GateResult] = (),
    pull_request: int | None = None,
) -> None:
    """The one line that branch protection can require, and the application's own where it is of several."""
    names = check_names(workshop.delivery, workshop.application)
    report = aggregate_report(verdict, gates, name=names.aggregate)
    where = (workshop.github, workshop.app.repository, commit)
    report_aggregate(*where, report, names, *_told_by(workshop, pull_request))


def comment_on(workshop: Workshop, pull_request: int, commit: str, decided: Decided) -> None:
    """The one comment below a pull request; that it cannot be written is logged, and changes no verdict."""
    repository = workshop.app.repository
    checked = CheckedCommit(
        application=workshop.application,
        commit=commit,
        gates=decided.gates,
        verdict=decided.verdict,
        run_url=run_url(str(flow_run.id)),
        files_url=f"{workshop.github.web_url}/{repository}/blob/{commit}",
        base=decided.base.commit if decided.base else None,
        base_coverage=decided.base.coverage if decided.base else None,
    )
    written = write_comment(workshop.github, repository, pull_request, gates_comment(checked), return_state=True)
    if not written.is_completed():
        get_run_logger().warning("The pull request has no comment of ours: %s", written.message)


def moved_on(workshop: Workshop, pull_request: int, commit: str) -> str | None:
    """Why this commit of the pull request need not be checked any more; None where it does, or nobody can tell."""
    reading = read_pull_request(workshop.github, workshop.app.repository, pull_request, return_state=True)
    if not reading.is_completed():
        get_run_logger().warning("Whether the pull request has moved on is not known: %s", reading.message)
        return None
    return reading.result().moved_on_from(commit)


def _told_by(workshop: Workshop, pull_request: int | None) -> tuple[Origin, str]:
    """What a check run is known by, and where people look at what made it."""
    run_id = str(flow_run.id)
    return Origin(workshop.application, pull_request, run_id), run_url(run_id)
