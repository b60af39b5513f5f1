"""Asks the rolled-out application by a program of the team's own, apart from this system's settings."""

import os
import tempfile
from pathlib import Path

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from tasks.domain.delivery.post_deploy import CommandCheck, fill
from tasks.domain.errors import ConfigurationError
from tasks.domain.post_deploy.command import decide_command
from tasks.domain.verdict import Verdict
from tasks.process.group import clean_environment, find_program, run_in_group
from tasks.run_log import RunLog, secrets_of


@task(task_run_name="check {name}", cache_policy=NO_CACHE)
def check_by_command(name: str, check: CommandCheck, facts: dict[str, str]) -> Verdict:
    """Run the program in an empty folder, with `facts` filled into its arguments; what it prints goes to the log."""
    command = tuple(fill(part, facts) for part in check.command)
    log = RunLog(get_run_logger(), secrets=secrets_of(os.environ))
    with tempfile.TemporaryDirectory(prefix="tidegate-check-", ignore_cleanup_errors=True) as folder:
        ending = run_in_group(
            command,
            folder=Path(folder),
            environment=clean_environment(folder),
            timeout_seconds=check.timeout_seconds,
            on_line=log.write,
        )
    return decide_command(name, check, ending, log.tail)


def require_program(name: str, check: CommandCheck) -> None:
    """Raise ConfigurationError where the worker has no such program: better now than after the rollout."""
    try:
        find_program(check.command[0], clean_environment(tempfile.gettempdir())["PATH"])
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"post-deploy check {name!r} runs {check.command[0]!r}, which is not there; install it on the worker"
        ) from error
