"""`tidegate check`: the delivery configuration, its waivers and prefect.yaml as a whole, before anything runs."""

from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.console import Console

from tasks.delivery import delivery_file, read_delivery, read_waivers
from tasks.domain.delivery.model import Delivery
from tasks.domain.errors import AccessRefused, ConfigurationError


def check(
    delivery: Annotated[
        Path | None, typer.Option(help="The delivery configuration; TIDEGATE_DELIVERY or deployments/delivery.yaml.")
    ] = None,
    prefect_file: Annotated[Path, typer.Option(help="Prefect's deployments.")] = Path("prefect.yaml"),
    *,
    access: Annotated[
        bool, typer.Option("--access", help="Also ask GitHub whether the registered credentials suffice.")
    ] = False,
) -> None:
    """Check the delivery configuration, its waivers and prefect.yaml; names every mistake by file, line and key."""
    # Loading flows takes seconds, which the other commands need not wait for.
    from deployments.prefect_file import check_prefect_file  # noqa: PLC0415

    said: list[str] = []
    wrong: list[str] = []
    try:
        known = read_delivery(delivery)
        graph = " -> ".join(known.order())
        said.append(f"{delivery or delivery_file()}: {', '.join(known.applications)} through {graph}")
        said.append(f"waivers: {len(read_waivers(known, delivery))}")
        if access:
            said += _check_access(known)
    except ConfigurationError as error:
        wrong.append(str(error))
    try:
        names = [deployment.name for deployment in check_prefect_file(prefect_file).deployments]
        said.append(f"{prefect_file}: {', '.join(names)}")
    except ConfigurationError as error:
        wrong.append(str(error))
    if wrong:
        raise ConfigurationError("\n".join(wrong))
    for line in said:
        Console(soft_wrap=True).print(f"{line}: right", markup=False, highlight=False)


def _check_access(delivery: Delivery) -> list[str]:
    """A line for each GitHub block in use; raises ConfigurationError where something is missing."""
    # Prefect is loaded only where its server is asked.
    from deployments.command_line.trigger import load_github  # noqa: PLC0415
    from deployments.prefect_server import require_server  # noqa: PLC0415
    from tasks.github.access import gives_no_answer, missing_access  # noqa: PLC0415

    require_server()
    said = []
    for name in dict.fromkeys(app.github for app in delivery.applications.values()):
        repositories = [app.repository for app in delivery.applications.values() if app.github == name]
        try:
            missing = missing_access(load_github(name), repositories)
        except AccessRefused as refusal:
            raise ConfigurationError(str(refusal)) from refusal
        except httpx.HTTPError as error:
            raise ConfigurationError(gives_no_answer(error)) from error
        if missing:
            raise ConfigurationError("\n".join(missing))
        said.append(f"access to {', '.join(dict.fromkeys(repositories))} on GitHub")
    return said
