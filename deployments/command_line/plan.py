"""`tidegate plan`: what a promotion would write and roll out, and what stands against it; nothing is changed."""

from typing import Annotated

import typer

from deployments.places import looking, open_place
from flows.promotion.plan import make_plan
from tasks.domain.promotion.plan import plan_lines

SOMETHING_WAITS = 3


def plan(
    application: Annotated[str, typer.Argument(help="Its name in the delivery configuration.")],
    environment: Annotated[str, typer.Argument(help="Its name in the delivery configuration.")],
    *,
    commit: Annotated[
        str | None,
        typer.Option(help="The full SHA; left out: what the environment before runs, or the head of the mainline."),
    ] = None,
) -> None:
    """Show what promoting a commit to an environment would do: files, manifests, commits, gates, approvals.

    Nothing is written. Ends with 0 where it could go there now, or after an approval; with 3 where something else
    stands against it, with 1 where that cannot be found out, and with 2 for wrong input.
    """
    place = open_place(application, environment)
    with looking():
        made = make_plan(place, commit)
    for line in plan_lines(made):
        typer.echo(line)
    if made.reasons:
        raise typer.Exit(SOMETHING_WAITS)
