"""The checks of an application: commands that run in its checked-out commit, apart from this system's own settings."""

import os
import stat
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from prefect import get_run_logger

from blocks.sonarqube import SonarQubeServer
from tasks.domain.delivery import Check
from tasks.domain.errors import ConfigurationError, InvalidReport
from tasks.domain.gate import CheckOutcome, Exited, NotStarted, decide_check
from tasks.domain.report import MAX_BYTES, parse_cobertura, parse_junit, parse_report_task
from tasks.process_group import run_in_group
from tasks.retry import outside_task
from tasks.run_log import RunLog, secrets_of

Report = TypeVar("Report")


@outside_task("check {name}")
def run_check(name: str, check: Check, tree: Path, *, sonarqube: SonarQubeServer | None = None) -> CheckOutcome:
    """Run one check in the work tree; a check that fails is an outcome, not an error.

    A failed check runs again as often as `check.retries` says, here and not by Prefect, because its outcome is a value;
    Prefect's retries are for what the machine may get over. `sonarqube` is needed only for a check that names a
    report-task, and only such a check is given the token. Raises ConfigurationError where it is needed and missing.
    """
    if check.sonarqube_report_task and sonarqube is None:
        raise ConfigurationError(f"check {name!r} needs a SonarQube server; register its block and name it")
    server = sonarqube if check.sonarqube_report_task else None
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
    for path in _reports(check):
        _remove_leftover(tree, path)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tidegate-home-", ignore_cleanup_errors=True) as home:
        ending = run_in_group(
            check.command,
            folder=tree,
            environment=_clean_environment(home) | extra,
            timeout_seconds=check.timeout_seconds,
            on_line=log.write,
        )
    outcome = CheckOutcome(name, ending, seconds=time.monotonic() - started, tail=log.tail)
    return _with_reports(outcome, check, tree) if isinstance(ending, Exited) else outcome


def _clean_environment(home: str) -> dict[str, str]:
    # The tools of this installation, such as ruff and pytest, come first; nothing of our own settings goes along.
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
    return {"PATH": path, "HOME": home, "TMPDIR": home, "LANG": "C.UTF-8", "CI": "true"}


def _reports(check: Check) -> tuple[str, ...]:
    return tuple(path for path in (check.junit, check.cobertura, check.sonarqube_report_task) if path)


def _remove_leftover(tree: Path, path: str) -> None:
    """A report that the repository brings along, or that an earlier try left, must not count."""
    file = tree / path
    if _is_inside(file.parent, tree) and (file.is_symlink() or file.is_file()):
        file.unlink()


def _with_reports(outcome: CheckOutcome, check: Check, tree: Path) -> CheckOutcome:
    reading = _Reading(tree)
    tests = reading.read(check.junit, parse_junit)
    coverage = reading.read(check.cobertura, parse_cobertura)
    analysis = reading.read(check.sonarqube_report_task, parse_report_task)
    return replace(outcome, tests=tests, coverage=coverage, analysis=analysis, report_problem=reading.problem)


@dataclass
class _Reading:
    """Reads several reports and remembers the first problem."""

    tree: Path
    problem: str | None = None

    def read(self, path: str | None, parse: Callable[[bytes, str], Report]) -> Report | None:
        if path is None:
            return None
        try:
            return parse(_read_inside(self.tree, path), path)
        except InvalidReport as problem:
            self.problem = self.problem or str(problem)
            return None


def _read_inside(tree: Path, path: str) -> bytes:
    file = tree / path
    if not _is_inside(file.parent, tree):
        raise InvalidReport(f"{path} lies outside the work tree; write it to a folder of the repository")
    try:
        # Without waiting for a writer, should it be a named pipe, and never through a link.
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError as problem:
        raise InvalidReport(f"{path} was not written; the check must write it") from problem
    except OSError as problem:
        raise InvalidReport(f"{path} is a link or cannot be read; write a plain file") from problem
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise InvalidReport(f"{path} is not a plain file; write a plain file")
        with open(descriptor, "rb", closefd=False) as report:
            # One byte more than allowed, so that the parser sees that there is too much.
            return report.read(MAX_BYTES + 1)
    finally:
        os.close(descriptor)


def _is_inside(folder: Path, tree: Path) -> bool:
    return folder.resolve().is_relative_to(tree.resolve())
