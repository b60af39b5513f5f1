"""The checks of an application: commands that run in its checked-out commit, apart from this system's own settings."""

import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from prefect import get_run_logger

from blocks.sonarqube import SonarQubeServer
from tasks.checks.apart import Apart
from tasks.checks.container import run_in_container
from tasks.checks.reports import read_reports, remove_reports
from tasks.checks.tree import give_to
from tasks.domain.errors import ConfigurationError
from tasks.domain.gates.check import Check
from tasks.domain.gates.checks import CheckOutcome, Ending, Exited, decide_check
from tasks.domain.gates.stumble import decide_again
from tasks.process.group import clean_environment, run_in_group
from tasks.retry import outside_task
from tasks.run_log import RunLog, secrets_of

# Names, with commas, of the worker's variables that checks get, such as HTTPS_PROXY, PIP_INDEX_URL and GOPROXY.
PASSED_ON = "TIDEGATE_CHECK_ENVIRONMENT"
_ALONE = Apart()


@outside_task("check {name}")
def run_check(
    name: str,
    check: Check,
    tree: Path,
    *,
    sonarqube: SonarQubeServer | None = None,
    apart: Apart = _ALONE,
) -> CheckOutcome:
    """Run one check in the work tree; a check that fails is an outcome, not an error.

    A failed check runs again as often as it is configured to, here and not by Prefect, because its outcome is a value
    that tells of each try; Prefect's retries are for what the machine may get over. `sonarqube` is needed only for a
    check that names a report-task, and only such a check is given the token. Raises ConfigurationError where it is
    needed and missing.
    """
    if check.reports.sonarqube and sonarqube is None:
        raise ConfigurationError(f"check {name!r} needs a SonarQube server; register its block and name it")
    server = sonarqube if check.reports.sonarqube else None
    logger = get_run_logger()
    outcome = _run_once(name, check, tree, server, apart)
    while again := decide_again(check, outcome):
        logger.warning("Check %s runs again in %d s: %s", name, again.pause_seconds, again.first.reason)
        time.sleep(again.pause_seconds)
        earlier = (*outcome.earlier, again.first)
        outcome = replace(_run_once(name, check, tree, server, apart), earlier=earlier)
    logger.info("Check %s: %s", name, decide_check(check, outcome).reason)
    return outcome


def _run_once(
    name: str,
    check: Check,
    tree: Path,
    sonarqube: SonarQubeServer | None,
    apart: Apart,
) -> CheckOutcome:
    extra = sonarqube.scanner_environment() if sonarqube else {}
    log = RunLog(get_run_logger(), secrets=(*secrets_of(os.environ), *secrets_of(extra)))
    remove_reports(check.reports, tree)
    started = time.monotonic()
    ending = _ending(check, tree, apart, extra, log)
    outcome = CheckOutcome(name, ending, seconds=time.monotonic() - started, tail=log.tail)
    return _with_reports(outcome, check, tree) if isinstance(ending, Exited) else outcome


def _ending(check: Check, tree: Path, apart: Apart, extra: Mapping[str, str], log: RunLog) -> Ending:
    given = {**_passed_on(), **apart.environment, **extra}
    if place := apart.container_of(check):
        folders = (tree, apart.cache) if apart.cache else (tree,)
        return run_in_container(
            *place,
            check.command,
            folders=folders,
            environment=given,
            timeout_seconds=check.timeout_seconds,
            on_line=log.write,
            limits=check.limits,
        )
    with tempfile.TemporaryDirectory(prefix="tidegate-home-", ignore_cleanup_errors=True) as home:
        give_to(Path(home), apart.user)
        return run_in_group(
            check.command,
            folder=tree,
            environment={**given, **clean_environment(home), **apart.environment, **extra},
            timeout_seconds=check.timeout_seconds,
            on_line=log.write,
            limits=check.limits,
            user=apart.user,
        )


def _passed_on() -> dict[str, str]:
    named = (name.strip() for name in os.environ.get(PASSED_ON, "").split(","))
    return {name: os.environ[name] for name in named if name in os.environ}


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
