"""`tidegate why`: every reason why a candidate is not there yet, whose move it is, and what would change it."""

from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.text import Text

from deployments.answers import read_question, standing_in_words
from deployments.places import looking, open_place
from flows.promotion.reasons import find_reasons
from tasks.domain.errors import ConfigurationError, DeliveryError
from tasks.domain.promotion.why import Reason, explain_together
from tasks.runs.lookup import SeenRun, find_promotions, find_run

SOMETHING_WAITS = 3


def why(
    run_or_application: Annotated[
        str, typer.Argument(metavar="RUN|APPLICATION", help="A run's id, or an application.")
    ],
    environment: Annotated[str | None, typer.Argument(help="With an application: the environment.")] = None,
) -> None:
    """Say why a promotion waits or was refused: every reason, whose move it is, and what would unblock it.

    With an application and an environment it is about the newest promotion there. Everything is looked at anew, and
    nothing is changed. Ends with 0 where nothing stands against it, with 3 where something does, with 1 where that
    cannot be found out, and with 2 for wrong input.
    """
    with looking():
        runs = _find(run_or_application, environment)
        if not runs:
            typer.echo(f"nothing was ever promoted to {environment}, as far as Prefect knows")
            return
        run = runs[0]
        typer.echo(f"{run.flow} {run.name}: {run.state}{f': {run.message}' if run.message else ''}\n{run.url}")
        reasons = explain_together({each.parameters.get("application", ""): _reasons(each) for each in runs})
    if reasons:
        _show(reasons)
        raise typer.Exit(SOMETHING_WAITS)
    typer.echo("nothing stands against it")


def _find(run_or_application: str, environment: str | None) -> tuple[SeenRun, ...]:
    """The run, once for each candidate that it promotes."""
    if environment is not None:
        open_place(run_or_application, environment)
        newest = next((run for run in find_promotions() if run.is_to(run_or_application, environment)), None)
        return find_run(newest.run_id) if newest else ()
    try:
        runs = find_run(UUID(run_or_application))
    except ValueError:
        sentence = f"{run_or_application!r} is not a run's id; give one, or an application and an environment"
        raise ConfigurationError(sentence) from None
    if not runs:
        raise ConfigurationError(f"Prefect has no run {run_or_application}; look at its page's address")
    return runs


def _reasons(run: SeenRun) -> tuple[Reason, ...]:
    given = run.parameters
    if "commit" not in given or run.flow not in {"promote", "release"}:
        if run.state_type not in {"FAILED", "CRASHED", "CANCELLED"}:
            return ()
        return (Reason(run.message or run.state, "the author's", "look at the run, then start it again"),)
    place = open_place(given["application"], given["environment"])
    own = None if run.is_over else run
    said = _standing(run) if run.is_asking else ""
    return find_reasons(place, given["commit"], given["digest"], own, said, in_release=run.flow == "release")


def _standing(run: SeenRun) -> str:
    try:
        return standing_in_words(read_question(run.run_id))
    except DeliveryError:
        # It was answered this very moment.
        return ""


def _show(reasons: tuple[Reason, ...]) -> None:
    console = Console(soft_wrap=True)
    for number, reason in enumerate(reasons, 1):
        console.print(Text(f"{number}. {reason.sentence}"))
        console.print(Text(f"   whose move: {reason.move}\n   way on:     {reason.way_on}"))
