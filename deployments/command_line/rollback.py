"""`tidegate rollback`: an environment back to an earlier release, by the same flow as the UI's Run."""

from typing import Annotated

import typer

from deployments.following import start_and_follow
from tasks.delivery import read_delivery
from tasks.domain.errors import ConfigurationError

DEPLOYMENT = "roll-back/roll-back"
NOT_DONE = 1


def rollback(
    application: Annotated[str, typer.Argument(help="Its name in the delivery configuration.")],
    environment: Annotated[str, typer.Argument(help="It is changed at once: nobody is asked.")],
    *,
    reason: Annotated[str, typer.Option(help="Why, in a sentence; it is kept in the commit.")],
    to: Annotated[
        str | None,
        typer.Option(help="The commit to go back to, at least 7 digits; left out: the last healthy release."),
    ] = None,
) -> None:
    """Put an environment back to an earlier release, confirm it, and quarantine the one that it ran.

    Ends with 0 where the environment runs the earlier release, with 1 where not, and with 2 for wrong input.
    """
    read_delivery().environment(environment, application)
    if not reason.strip():
        raise ConfigurationError("the reason is empty; say in a sentence why, it is kept in the commit")
    parameters = {"application": application, "environment": environment, "reason": reason.strip()}
    ending = start_and_follow(DEPLOYMENT, parameters | ({"to": to} if to else {}), typer.echo)
    typer.echo(f"{ending.name}: {ending.message}")
    if not ending.has_completed:
        raise typer.Exit(NOT_DONE)
