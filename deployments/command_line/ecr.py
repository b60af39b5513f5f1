"""`tidegate ecr lifecycle`: which images Amazon ECR would keep and expire; with --write that is put."""

from typing import Annotated

import typer

from tasks.delivery import read_delivery
from tasks.domain.delivery.model import Delivery
from tasks.domain.errors import ConfigurationError
from tasks.domain.retention import preview_lines

ecr = typer.Typer(no_args_is_help=True, help="Look after the images in Amazon ECR.")


@ecr.callback()
def _group() -> None:
    """Keep `lifecycle` a command of its own, though it is the only one."""


@ecr.command()
def lifecycle(
    application: Annotated[
        str | None, typer.Argument(help="Its name in the delivery configuration; left out: all that ask for it.")
    ] = None,
    *,
    write: Annotated[
        bool,
        typer.Option("--write/--preview", help="Put it all into effect, or only show what that would do."),
    ] = False,
) -> None:
    """Show which images a lifecycle policy would keep and expire, by ECR's own preview of it.

    What the GitOps repository names, or has named, gets a tag that no rule expires. With --write the tags are set and
    the policy is put, as nightly does, unless the preview would expire one of these. Ends with 1 where ECR refuses or
    the preview is not safe, and with 2 for wrong input.
    """
    # Loading flows takes seconds, which the other commands need not wait for.
    from deployments.places import looking  # noqa: PLC0415
    from flows.integration.amazon_ecr import keep_images, preview_images  # noqa: PLC0415

    delivery = read_delivery()
    for name in _asking(delivery, application):
        app = delivery.application(name)
        with looking():
            if write:
                typer.echo(keep_images(delivery, name, app))
            else:
                for line in preview_lines(preview_images(delivery, name, app)):
                    typer.echo(line)
    if not write:
        typer.echo("nothing was changed; --write does it")


def _asking(delivery: Delivery, application: str | None) -> list[str]:
    """The applications whose images are meant; raises ConfigurationError where there is none."""
    meant = [application] if application else list(delivery.applications)
    asking = [name for name in meant if (asked := delivery.application(name).ecr) and asked.keep_newest is not None]
    if not asking:
        which = application or "no application"
        verb = "asks for no lifecycle policy" if application else "asks for a lifecycle policy"
        raise ConfigurationError(f"{which} {verb}; set its `ecr.keep-newest` in the delivery configuration")
    return asking
