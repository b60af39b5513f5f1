"""`tidegate stop` and `tidegate go`: an incident stops every promotion, until somebody lets them go again."""

import getpass
from collections.abc import Iterator
from typing import Annotated

import httpx
import typer

from blocks.gitops import GitOpsRepository
from deployments.prefect_server import explain, require_server
from flows.places.loading import load_block
from tasks.delivery import read_delivery
from tasks.domain.errors import ConfigurationError
from tasks.domain.promotion.switch import Switch
from tasks.gitops.switch import read_last_stop, turn_switch
from tasks.runs.promotions import restart_stopped, run_url

_Environment = Annotated[str | None, typer.Argument(help="Left out: every environment.")]
_Reason = Annotated[str, typer.Option(help="Why, in a sentence; it is kept in the commit and shown to whoever waits.")]
_By = Annotated[str | None, typer.Option(help="Who you are; left out: the name that you are logged in with.")]


def stop(environment: _Environment = None, *, reason: _Reason, by: _By = None) -> None:
    """Stop every promotion to an environment, or to all; rollbacks go on.

    It is an empty commit in the GitOps repository, and holds whatever happens to Prefect. What writes already is
    followed to its end.
    """
    for _, switch in _turn(environment, reason, by, is_stopped=True):
        typer.echo(switch.why)


def go(environment: _Environment = None, *, reason: _Reason, by: _By = None) -> None:
    """Let promotions to an environment, or to all, go again, and start those that were stopped."""
    for repository, switch in _turn(environment, reason, by, is_stopped=False):
        if not switch.revision:
            typer.echo(f"promotions to {switch.environment} were never stopped")
            continue
        typer.echo(f"promotions to {switch.environment} go again: commit {switch.revision[:7]}")
        last = read_last_stop.fn(repository, switch.environment)
        for run in restart_stopped.fn(switch.environment, last.when) if last and last.when else ():
            typer.echo(f"started again: {run_url(str(run))}")


def _turn(
    environment: str | None, reason: str, by: str | None, *, is_stopped: bool
) -> Iterator[tuple[GitOpsRepository, Switch]]:
    known = read_delivery().environments
    if environment is not None and environment not in known:
        raise ConfigurationError(f"unknown environment {environment!r}; known: {', '.join(known)}")
    require_server()
    for name in [environment] if environment else known:
        wanted = Switch(name, is_stopped, by or getpass.getuser(), reason)
        try:
            repository = load_block(GitOpsRepository, known[name].gitops)
        except httpx.HTTPError as error:
            raise explain(error) from error
        yield repository, turn_switch.fn(repository, wanted)
