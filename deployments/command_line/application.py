"""Puts the commands together, and turns every expected error into a sentence and an exit code."""

import sys
from collections.abc import Callable

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
# In the order in which people look for them; a line of 80 columns has room for so much.
COMMANDS: dict[Callable[..., None], str] = {
    status: "What runs where, since when, and what waits for whom",
    why: "Why something is not there yet, and whose move it is",
    plan: "What a promotion would change; writes nothing",
    approve: "Show what a promotion would change, and approve it",
    reject: "Show what a promotion would change, and reject it",
    rollback: "Put an environment back to an earlier release",
    stop: "Stop every promotion to an environment, or to all",
    go: "Let stopped promotions go again",
    trigger: "Integrate one commit, as a push of it would",
    release: "Promote applications that go together",
    set_image: "Edit an image in a file as a promotion does",
    check: "Check the configuration, its waivers and prefect.yaml",
    register: "Write blocks, locks and the work pool to Prefect",
    webhook: "Receive the webhooks of GitHub and SonarQube",
    schema: "Print the configuration's JSON Schema",
    demo: "From a push to production, on this machine",
    sandbox: "The demo's servers alone, until Ctrl-C",
}
GROUPS = {
    "quarantine": (quarantine, "What an environment may not run again, and clearing it"),
    "rollout": (rollout, "Take a paused canary or blue-green on, or end it"),
    "approver": (approver.commands, "Who proves an approval with a one-time code"),
    "ecr": (ecr, "The lifecycle policy of images in Amazon ECR"),
}
for command, sentence in COMMANDS.items():
    application.command(short_help=sentence)(command)
for name, (commands, sentence) in GROUPS.items():
    application.add_typer(commands, name=name, short_help=sentence)


def main() -> None:
    """Run the command that the arguments name, and end with its exit code."""
    try:
        application()
    except DeliveryError as error:
        # The text is ours, but quotes what was configured: nothing in it is markup.
        Console(stderr=True, soft_wrap=True).print(str(error), markup=False, highlight=False)
        sys.exit(BAD_INPUT if isinstance(error, ConfigurationError) else REFUSED)
