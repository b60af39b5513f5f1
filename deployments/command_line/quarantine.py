"""`tidegate quarantine list|clear`: the images that may not be promoted to an environment again."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tasks.domain.errors import ConfigurationError
from tasks.domain.promotion.history import Change
from tasks.domain.promotion.way_back import Quarantined, find_quarantined, list_quarantine
from tasks.gitops.desired_state import read_history, write_note

quarantine = typer.Typer(no_args_is_help=True, help="List or clear the images that an environment may not run again.")

_Application = Annotated[str, typer.Argument(help="Its name in the delivery configuration.")]
_Environment = Annotated[str, typer.Argument(help="Its name in the delivery configuration.")]


@quarantine.command("list")
def list_all(application: _Application, environment: _Environment) -> None:
    """Show what was taken back from an environment and not cleared since, each with the reason."""
    # Loading flows takes seconds, which the other commands need not wait for.
    from deployments.places import open_place  # noqa: PLC0415

    place = open_place(application, environment)
    held = list_quarantine(read_history.fn(place.gitops, application, environment))
    if not held:
        typer.echo(f"nothing of {application} is in quarantine in {environment}")
        return
    table = Table("commit", "digest", "reason")
    for one in held:
        table.add_row(one.commit[:7], one.digest[7:19], Text(one.reason))
    Console().print(table)


@quarantine.command("clear")
def clear(
    application: _Application,
    environment: _Environment,
    image: Annotated[str, typer.Argument(help="The digest or the commit, at least 7 digits.")],
    *,
    reason: Annotated[str, typer.Option(help="Why it may be promoted again; it is kept in the commit.")],
) -> None:
    """Let an image be promoted to an environment again, by an empty commit in the GitOps repository."""
    from deployments.places import open_place  # noqa: PLC0415

    if not reason.strip():
        raise ConfigurationError("the reason is empty; say in a sentence why, it is kept in the commit")
    place = open_place(application, environment)
    held = _the_one(image, find_quarantined(read_history.fn(place.gitops, application, environment), image))
    change = Change(application, environment, held.digest, held.commit, reason=reason.strip(), clears_quarantine=True)
    written = write_note.fn(place.gitops, change)
    typer.echo(f"{held.digest[7:19]} may be promoted to {environment} again: commit {written.revision}")


def _the_one(name: str, found: tuple[Quarantined, ...]) -> Quarantined:
    if len(found) == 1:
        return found[0]
    if not found:
        raise ConfigurationError(f"no digest or commit {name!r} is in quarantine; see `tidegate quarantine list`")
    digests = ", ".join(held.digest for held in found)
    raise ConfigurationError(f"{name!r} may mean several images in quarantine; give one digest: {digests}")
