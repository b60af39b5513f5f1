"""`tidegate demo`: the whole way in the sandbox; what `make demo` calls."""

import os
from pathlib import Path
from typing import Annotated

import typer

from tasks.domain.errors import ConfigurationError


def demo(
    scenario: Annotated[
        str,
        typer.Option(
            help="happy, broken-tests, bad-release, rejected, unhealthy-staging, canary, two-approvers, pull-request, "
            "freeze, superseded or pull-request-mode."
        ),
    ] = "happy",
    summary: Annotated[
        Path | None, typer.Option(help="Write what happened as JSON to this file.", dir_okay=False)
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Answer by itself, as the scenario says.")] = False,  # noqa: FBT002 - a switch
) -> None:
    """Take a commit from its push to an approved production rollout, in a sandbox on this machine."""
    # Before Prefect is loaded, which else announces its telemetry: a demo's figures are nobody's.
    os.environ.setdefault("DO_NOT_TRACK", "1")
    # The sandbox brings its servers along: the other commands start faster without it.
    from deployments.demo.run import run_demo  # noqa: PLC0415

    try:
        code = run_demo(scenario, summary, yes=yes)
    except ValueError as error:
        raise ConfigurationError(str(error)) from None
    raise typer.Exit(code)
