"""`tidegate approve` and `tidegate reject`: the form of the Prefect UI, in a terminal."""

import getpass
import os
import re
import sys
from typing import Annotated
from uuid import UUID

import httpx
import typer
from rich.console import Console
from rich.markdown import Markdown

from deployments.answers import (
    CONTROL,
    Decision,
    OpenQuestion,
    find_question,
    give_answer,
    read_question,
    standing_in_words,
    what_became_of,
)
from deployments.prefect_server import explain, require_server
from tasks.domain.errors import ConfigurationError, DeliveryError

CODE = "TIDEGATE_ONE_TIME_CODE"
# So long it may take until a run has looked at an answer; one that waits without a process has to start first.
_PATIENCE_SECONDS = 20
_NOT_COUNTED = "Not counted:"
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

What = Annotated[str, typer.Argument(help="The id or address of a run that waits, or an application.")]
Where = Annotated[str, typer.Argument(help="The environment, where an application is named.")]
Name = Annotated[str, typer.Option("--as", help="Who answers; left out: the name you are logged in by.")]
Comment = Annotated[str, typer.Option(help="Kept with how the promotion ends.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask once more.")]


def approve(what: What, environment: Where = "", *, name: Name = "", comment: Comment = "", yes: Yes = False) -> None:
    """Show what a promotion would change, and approve it.

    Where a one-time code is asked for, it is read from the terminal without being shown, from the variable
    TIDEGATE_ONE_TIME_CODE, or from the standard input; never from the arguments, which others on the machine can see.
    """
    _answer("approve", what, environment, name, comment, yes=yes)


def reject(what: What, environment: Where = "", *, name: Name = "", comment: Comment = "", yes: Yes = False) -> None:
    """Show what a promotion would change, and reject it: nothing is changed then."""
    _answer("reject", what, environment, name, comment, yes=yes)


def _answer(decision: Decision, what: str, environment: str, name: str, comment: str, *, yes: bool) -> None:
    require_server()
    signed = name or getpass.getuser()
    try:
        question = _find(what, environment)
        Console().print(Markdown(CONTROL.sub("", question.page)))
        if decision == "approve" and question.asks_for_code and not question.takes_code:
            raise DeliveryError(f"{question.name} is not approved here; the last lines above say where")
        if not yes and not typer.confirm(f"{decision} {question.name} as {signed}?"):
            raise DeliveryError("nothing was answered")
        code = _read_code() if decision == "approve" and question.takes_code else ""
        give_answer(question, decision, signed, comment, code)
        asked_again = what_became_of(question, patience_seconds=_PATIENCE_SECONDS)
    except httpx.HTTPError as error:
        raise explain(error) from None
    said = standing_in_words(asked_again) if asked_again else ""
    if _NOT_COUNTED in said:
        raise DeliveryError(said)
    typer.echo(f"Answered '{decision}' as {signed}. {said or 'It goes on'}: {question.url}")


def _find(what: str, environment: str) -> OpenQuestion:
    if environment:
        return find_question(what, environment)
    if found := _UUID.search(what.lower()):
        return read_question(UUID(found[0]))
    raise ConfigurationError(f"{what!r} is not a run; name an application and an environment, or give a run's id")


def _read_code() -> str:
    if CODE in os.environ:
        return os.environ[CODE]
    if sys.stdin.isatty():
        return getpass.getpass("One-time code: ")
    return sys.stdin.readline().strip()
