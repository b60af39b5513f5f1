"""Puts the commands together, and turns every expected error into a sentence and an exit code."""

import sys

import typer
from rich.console import Console

from deployments.command_line import approver
from deployments.command_line.approve import approve, reject
from deployments.command_line.check import check
from deployments.command_line.demo import demo
from deployments.command_line.ecr import ecr
from deployments.command_line.plan import plan
from deployments.command_line.quarantine import quarantine
from deployments.command_line.register import register
from deployments.command_line.release import release
from deployments.command_line.rollback import rollback
from deployments.command_line.rollout import rollout
from deployments.command_line.sandbox import sandbox
from deployments.command_line.schema import schema
from deployments.command_line.set_image import set_image
from deployments.command_line.status import status
from deployments.command_line.stop import go, stop
from deployments.command_line.trigger import trigger
from deployments.command_line.webhook import webhook
from deployments.command_line.why import why
from tasks.domain.errors import ConfigurationError, DeliveryError

REFUSED, BAD_INPUT = 1, 2

application = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="From a signed push to an approved production rollout, through GitOps.",
)
for command in (
    approve,
    check,
    demo,
    go,
    plan,
    register,
    reject,
    release,
    rollback,
    sandbox,
    schema,
    set_image,
    status,
    stop,
    trigger,
    webhook,
    why,
):
    application.command()(command)
application.add_typer(approver.commands, name="approver")
application.add_typer(ecr, name="ecr")
application.add_typer(quarantine, name="quarantine")
application.add_typer(rollout, name="rollout")


def main() -> None:
    """Run the command that the arguments name, and end with its exit code."""
    try:
        application()
    except DeliveryError as error:
        # The text is ours, but quotes what was configured: nothing in it is markup.
        Console(stderr=True, soft_wrap=True).print(str(error), markup=False, highlight=False)
        sys.exit(BAD_INPUT if isinstance(error, ConfigurationError) else REFUSED)
