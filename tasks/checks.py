"""The checks of an application: commands that run in its checked-out commit, apart from this system's own settings."""

import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from prefect import get_run_logger

from blocks.sonarqube import SonarQubeServer
from tasks.checks_reports import read_reports, remove_reports
from tasks.domain.errors import ConfigurationError
from tasks.domain.gates.check import Check
from tasks.domain.gates.checks import CheckOutcome, Exited, NotStarted, decide_check
from tasks.process_group import clean_environment, run_in_group
from tasks.retry import outside_task
from tasks.run_log import RunLog, secrets_of


@outside_task("check {name}")
def run_check(name: str, check: Check, tree: Path, *, sonarqube: SonarQubeServer | None = None) -> CheckOutcome:
    """Run one check in the work tree; a check that fails is an outcome, not an error.

    A failed check runs again as often as `check.retries` says, here and not by Prefect, because its outcome is a value;
    Prefect's retries are for what the machine may get over. `sonarqube` is needed only for a check that names a
    report-task, and only such a check is given the token. Raises ConfigurationError where it is needed and missing.
    """
    if check.reports.sonarqube and sonarqube is None:
        raise ConfigurationError(f"check {name!r} needs a SonarQube server; register its block and name it")
    server = sonarqube if check.reports.sonarqube else None
    logger = get_run_logger()
    for attempt in range(1, check.retries + 2):
        outcome = replace(_run_once(name, check, tree, server), attempts=attempt)
        verdict = decide_check(check, outcome)
        if not verdict.has_failed or isinstance(outcome.ending, NotStarted) or attempt > check.retries:
            break
        logger.warning("Check %s failed and runs again (%d of %d): %s", name, attempt, check.retries, verdict.reason)
    logger.info("Check %s: %s", name, verdict.reason)
    return outcome


def _run_once(name: str, check: Check, tree: Path, sonarqube: SonarQubeServer | None) -> CheckOutcome:
    extra = sonarqube.scanner_environment() if sonarqube else {}
    log = RunLog(get_run_logger(), secrets=(*secrets_of(os.environ), *secrets_of(extra)))
    remove_reports(check.reports, tree)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tidegate-home-", ignore_cleanup_errors=True) as home:
        ending = run_in_group(
            check.command,
            folder=tree,
            environment=clean_environment(home) | extra,
            timeout_seconds=check.timeout_seconds,
            on_line=log.write,
        )
    outcome = CheckOutcome(name, ending, seconds=time.monotonic() - started, tail=log.tail)
    return _with_reports(outcome, check, tree) if isinstance(ending, Exited) else outcome


def _with_reports(outcome: CheckOutcome, check: Check, tree: Path) -> CheckOutcome:
    said, problem = read_reports(check.reports, tree)
    return replace(
        outcome,
        tests=said.tests,
        coverage=said.coverage,
        findings=said.findings,
        analysis=said.analysis,
        report_problem=str(problem) if problem else None,
    )
