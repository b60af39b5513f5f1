"""`tidegate trigger`: an integration by hand, of a given commit or of the mainline's head."""

import asyncio
from typing import Annotated, cast
from uuid import uuid4

import httpx
import typer

from blocks.github import GitHub
from deployments.integrations import IntegrateRun, Integrations
from deployments.prefect_server import explain, require_server
from tasks.delivery import read_delivery
from tasks.domain.delivery.application import Application
from tasks.domain.errors import ConfigurationError, Unreachable
from tasks.domain.event.asked import StartIntegrate
from tasks.domain.image import COMMIT
from tasks.github.commits import read_head


def trigger(
    application: Annotated[str, typer.Argument(help="Its name in the delivery configuration.")],
    commit: Annotated[str | None, typer.Option(help="The full SHA; left out: the head of the mainline.")] = None,
) -> None:
    """Integrate one commit of an application, as a push of it would; prints the run's address."""
    configured = read_delivery().application(application)
    if commit is not None and not COMMIT.fullmatch(commit):
        raise ConfigurationError(f"commit {commit!r} is not a full SHA; give all 40 hexadecimal digits, in lower case")
    require_server()
    wanted = StartIntegrate(application, commit or _head(configured))
    run = asyncio.run(_start(wanted))
    typer.echo(f"integrate {wanted.name}: {run.url}")


def _head(application: Application) -> str:
    github = load_github(application.github)
    try:
        return read_head.fn(github, application.repository, application.branch)
    except httpx.HTTPError as error:
        sentence = f"GitHub at {github.api_url} gave no answer about {application.repository} ({type(error).__name__})"
        raise Unreachable(f"{sentence}; try again, or give --commit") from None


def load_github(name: str) -> GitHub:
    """The registered block; raises ConfigurationError where there is none."""
    try:
        return cast(GitHub, GitHub.load(name))
    except ValueError:
        sentence = f"the Prefect server has no GitHub block {name!r}; set TIDEGATE_GITHUB_TOKEN and run"
        raise ConfigurationError(f"{sentence} `tidegate register`, or give --commit") from None
    except httpx.HTTPError as error:
        raise explain(error) from None


async def _start(wanted: StartIntegrate) -> IntegrateRun:
    integrations = Integrations()
    try:
        # The key keeps a repeated request from making a second run; a second command is meant to make one.
        return await integrations.start(wanted, key=f"trigger:{uuid4()}:{wanted.application}")
    finally:
        await integrations.close()
