"""`tidegate approver`: who may prove an approval with a one-time code."""

from typing import Annotated

import httpx
import pyotp
import segno
import typer
from prefect.client.orchestration import get_client
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from blocks.approvers import Approver
from deployments.prefect_server import explain, require_server
from tasks.approval.people import block_name, find_approver, list_approvers
from tasks.domain.approval.person import shown_name
from tasks.domain.errors import ConfigurationError

_LONGEST_NAME = 100

commands = typer.Typer(no_args_is_help=True, help="Enrol who proves an approval with a one-time code, or end it.")


@commands.command()
def add(
    name: Annotated[str, typer.Argument(help="As the delivery configuration names them, and as they will sign.")],
    github: Annotated[
        str, typer.Option(help="Their account at GitHub: what it wrote is theirs, so are its teams.")
    ] = "",
    email: Annotated[str, typer.Option(help="The address in their commits.")] = "",
) -> None:
    """Make a secret for one person and show it once, as a QR code for their authenticator."""
    if name != shown_name(name) or "/" in name or not 0 < len(name) <= _LONGEST_NAME:
        raise ConfigurationError(f"{name[:120]!r} is not a name; leave out brackets, commas, slashes and double blanks")
    require_server()
    secret = pyotp.random_base32()
    try:
        for other in filter(None, (name, github, email)):
            if known := find_approver.fn(other):
                raise ConfigurationError(f"{other} is enrolled as {known.name}; remove that first")
        approver = Approver(name=name, github_login=github, email=email, secret=SecretStr(secret))
        approver.save(block_name(name))
    except ValueError as error:
        # Prefect's word for a block of that name; two names can look alike in it.
        raise ConfigurationError(
            f"somebody of nearly the same name is enrolled; choose another one ({error})"
        ) from None
    except httpx.HTTPError as error:
        raise explain(error) from None
    address = pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name="Tidegate")
    typer.echo(f"{name} is enrolled. Scan this now with an authenticator; it is not shown again.\n")
    segno.make(address, error="l").terminal(compact=True)
    typer.echo(f"\n{address}")


@commands.command("list")
def list_them() -> None:
    """Everybody who is enrolled."""
    require_server()
    table = Table("name", "GitHub", "e-mail", box=None)
    try:
        for approver in list_approvers():
            table.add_row(approver.name, approver.github_login or "-", approver.email or "-")
    except httpx.HTTPError as error:
        raise explain(error) from None
    Console(soft_wrap=True).print(table if table.row_count else "Nobody is enrolled.")


@commands.command()
def remove(name: Annotated[str, typer.Argument(help="Who; their codes are worth nothing after that.")]) -> None:
    """End it for one person."""
    require_server()
    try:
        approver = find_approver.fn(name)
        if approver is None:
            known = ", ".join(one.name for one in list_approvers()) or "nobody"
            raise ConfigurationError(f"nobody is enrolled as {name}; enrolled: {known}")
        with get_client(sync_client=True) as client:
            slug = Approver.get_block_type_slug()
            client.delete_block_document(client.read_block_document_by_name(block_name(approver.name), slug).id)
    except httpx.HTTPError as error:
        raise explain(error) from None
    typer.echo(f"{approver.name} is not enrolled any more.")
