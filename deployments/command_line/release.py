"""`tidegate release`: applications that go together, to one environment, by the same flow as the UI's Run."""

from typing import Annotated

import typer

from deployments.following import start_and_follow
from tasks.delivery import read_delivery

DEPLOYMENT = "release/release"
NOT_STARTED = 1


def release(
    name: Annotated[str, typer.Argument(help="Its name in the delivery configuration.")],
    environment: Annotated[str, typer.Argument(help="Where an approval is wanted, the run that it starts asks.")],
    *,
    break_glass: Annotated[
        str, typer.Option(help="Only in an emergency: why closed windows and freezes do not matter now; it is kept.")
    ] = "",
) -> None:
    """Start the release of what the environments before run now, once all its members are verified there.

    A run for the same candidates that has not ended is that release. Ends with 0 where there is a run, with 1 where a
    member is not ready yet or cannot be looked at, and with 2 for wrong input.
    """
    read_delivery().release(name, environment)
    given = {"break_glass": break_glass.strip()} if break_glass.strip() else {}
    ending = start_and_follow(DEPLOYMENT, {"name": name, "environment": environment} | given, typer.echo)
    typer.echo(f"{ending.name}: {ending.message}")
    if ending.name != "Started":
        raise typer.Exit(NOT_STARTED)
