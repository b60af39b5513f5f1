"""`tidegate schema`: the JSON Schemas of the configuration files, for editors."""

import json
from typing import Annotated

import typer

from tasks.domain.delivery.text import delivery_schema
from tasks.domain.gates.waiver_text import waivers_schema


def schema(
    waivers: Annotated[bool, typer.Option("--waivers", help="That of the file of waivers instead.")] = False,  # noqa: FBT002 - a switch
) -> None:
    """Print the JSON Schema of the delivery configuration; it is kept in deployments/delivery.schema.json."""
    typer.echo(json.dumps(waivers_schema() if waivers else delivery_schema(), indent=2, ensure_ascii=False))
