"""SonarQube's part in a commit's checks: the scanner's command, what needs no scan any more, and the quality gate."""

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from prefect.futures import PrefectFuture
from prefect.runtime import flow_run

from flows.places.workshop import Workshop
from tasks.checks.scanner import find_scanner
from tasks.domain.gates.check import Check
from tasks.domain.gates.checks import CheckOutcome, Exited
from tasks.domain.gates.scan import REPORT_TASK, Scanned, choose_scanner, is_own_branch, scan_command
from tasks.domain.reports.sonarqube import SonarQubeAnalysis
from tasks.domain.verdict import passed
from tasks.github.pull_requests import read_pull_request
from tasks.runs.again import was_begun_before
from tasks.sonarqube.adoption import Adopted, find_passed_analysis
from tasks.sonarqube.gate import Patience, wait_for_quality_gate

# For what an earlier run of the same commit may have uploaded a moment ago; scanning again takes no longer.
_FOR_EARLIER = Patience(limit=60.0)
Looking = Mapping[str, PrefectFuture[Adopted | None]]


def read_scanned(workshop: Workshop, commit: str, pull_request: int | None) -> Scanned:
    """What a scanner has to know of the commit."""
    wants_branches = any(check.sonarqube and check.sonarqube.pull_requests for check in workshop.app.checks.values())
    if pull_request is None or not wants_branches:
        return Scanned(commit, pull_request)
    facts = read_pull_request(workshop.github, workshop.app.repository, pull_request)
    return Scanned(commit, pull_request, facts.head_branch, facts.base_branch)


def look_for_analyses(workshop: Workshop, scanned: Scanned) -> Looking:
    """Begin to ask SonarQube, for each check that is a scan, whether the commit has passed it already.

    SonarQube tells no commit of a pull request that it keeps apart: such a one is always scanned.
    """
    scans = {name: check.sonarqube for name, check in workshop.app.checks.items() if check.sonarqube}
    if workshop.sonarqube is None or not scans:
        return {}
    patience = _FOR_EARLIER if was_begun_before(scanned.commit, UUID(flow_run.id)) else None
    accept = workshop.app.gates.sonarqube.accept
    return {
        name: find_passed_analysis.submit(
            workshop.sonarqube, scan.project, scanned.commit, accept=accept, patience=patience
        )
        for name, scan in scans.items()
        if not is_own_branch(scan, scanned)
    }


def adopt(workshop: Workshop, looking: Looking) -> tuple[CheckOutcome, ...]:
    """The outcomes of the scans that need not run."""
    found = {name: future.result() for name, future in looking.items()}
    return tuple(_adopted(workshop, name, one) for name, one in found.items() if one is not None)


def with_commands(workshop: Workshop, scanned: Scanned) -> Workshop:
    """The same, with the scanner's command and report for each check that is a scan."""
    checks = {name: _with_command(workshop, check, scanned) for name, check in workshop.app.checks.items()}
    return replace(workshop, app=workshop.app.model_copy(update={"checks": checks}))


def with_quality_gate(workshop: Workshop, outcome: CheckOutcome) -> CheckOutcome:
    """The outcome with SonarQube's word on the analysis that the scanner reports, once it is known."""
    if outcome.analysis is None or outcome.quality_gate or workshop.sonarqube is None:
        return outcome
    accept, run = workshop.app.gates.sonarqube.accept, UUID(flow_run.id)
    scan = workshop.app.checks[outcome.check].sonarqube
    # Whatever the file says, it is this project's analysis or none.
    analysis = replace(outcome.analysis, project=scan.project) if scan else outcome.analysis
    verdict = wait_for_quality_gate(workshop.sonarqube, analysis, accept=accept, run=run)
    return replace(outcome, quality_gate=verdict)


def _with_command(workshop: Workshop, check: Check, scanned: Scanned) -> Check:
    scan = check.sonarqube
    if scan is None or workshop.sonarqube is None:
        return check
    is_apart = bool(check.container or workshop.app.isolation.container)
    scanner = choose_scanner(scan, None if is_apart else find_scanner())
    reports = check.reports.model_copy(update={"sonarqube": check.reports.sonarqube or REPORT_TASK})
    command = scan_command(scan, scanner, scanned, workshop.sonarqube.url)
    return check.model_copy(update={"command": command, "reports": reports})


def _adopted(workshop: Workshop, name: str, adopted: Adopted) -> CheckOutcome:
    scan = workshop.app.checks[name].sonarqube
    analysis = SonarQubeAnalysis(adopted.analysis, scan.project if scan else "")
    verdict = passed(f"Analysed before. {adopted.verdict.reason}")
    return CheckOutcome(name, Exited(0), analysis=analysis, quality_gate=verdict)
