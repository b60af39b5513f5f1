"""`tidegate check`: the delivery configuration, its waivers and prefect.yaml as a whole, before anything runs."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tasks.delivery import delivery_file, read_delivery, read_waivers
from tasks.domain.errors import ConfigurationError


def check(
    delivery: Annotated[
        Path | None, typer.Option(help="The delivery configuration; TIDEGATE_DELIVERY or deployments/delivery.yaml.")
    ] = None,
    prefect_file: Annotated[Path, typer.Option(help="Prefect's deployments.")] = Path("prefect.yaml"),
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
