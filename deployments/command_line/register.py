"""`tidegate register`: blocks, locks and the work pool on the Prefect server, from environment variables."""

import os
from collections.abc import Iterator
from typing import Annotated

import typer
from rich.console import Console

from deployments.block_settings import BLOCKS
from deployments.register import register as register_all


def register(
    *,
    variables: Annotated[bool, typer.Option("--variables", help="Only list the environment variables.")] = False,
) -> None:
    """Create or update blocks, the environments' locks and the work pool; may be repeated.

    What it writes comes from TIDEGATE_* environment variables; a block none of whose variables is set is left alone.
    """
    console = Console(soft_wrap=True)
    if variables:
        for line in _lines():
            console.print(line, markup=False, highlight=False)
        return
    registered = register_all(os.environ)
    for line in registered.written:
        console.print(f"set         {line}", markup=False, highlight=False)
    for line in registered.left_alone:
        console.print(f"left alone  {line}", markup=False, highlight=False)


def _lines() -> Iterator[str]:
    """One variable a line, in columns, whatever the width of the terminal."""
    for settings in BLOCKS:
        for setting in settings.settings:
            yield f"{setting.variable:<32}{settings.name:<15}{setting.meaning}"
