"""`tidegate status`: what runs where, since when, by whose approval, and what waits there for whom."""

import json
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from deployments.places import looking
from flows.places.place import load_place
from flows.promotion.look import read_status
from tasks.delivery import read_delivery
from tasks.domain.delivery.model import Delivery
from tasks.domain.promotion.status import EnvironmentStatus, status_document, status_row
from tasks.runs.lookup import SeenRun, find_promotions

_COLUMNS = ("application", "environment", "runs", "since (UTC)", "approved by", "live", "on the way")
_AT_ONCE = 8


def status(
    application: Annotated[str | None, typer.Argument(help="Left out: every application.")] = None,
    environment: Annotated[str | None, typer.Argument(help="Left out: every environment.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for other programs.")] = False,
) -> None:
    """Show what runs where, from git and Argo CD, and what waits there, from Prefect.

    Ends with 0, whatever is shown; with 1 where git or Prefect gave no answer, with 2 for wrong input.
    """
    known = read_delivery()
    places = _places(known, application, environment)
    with looking():
        promotions = find_promotions()
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = list(pool.map(partial(_read, known, promotions), places))
    if as_json:
        typer.echo(json.dumps([status_document(one) for one in found], indent=2, ensure_ascii=False))
    else:
        _show(found)


def _read(known: Delivery, promotions: tuple[SeenRun, ...], place: tuple[str, str]) -> EnvironmentStatus:
    application, environment = place
    return read_status(load_place(application, environment, known), promotions)


def _places(known: Delivery, application: str | None, environment: str | None) -> list[tuple[str, str]]:
    if application is not None and environment is not None:
        known.environment(environment, application)
    applications = [application] if application else list(known.applications)
    for name in applications:
        known.application(name)
    return [
        (name, place)
        for name in applications
        for place in known.environments_of(name)
        if environment is None or place == environment
    ]


def _show(found: list[EnvironmentStatus]) -> None:
    table = Table(*_COLUMNS)
    for one in found:
        table.add_row(*(Text(cell) for cell in status_row(one)))
    console = Console()
    # A table that is cut off helps nobody who reads it in a file.
    console.print(table) if console.is_terminal else Console(width=240).print(table)
