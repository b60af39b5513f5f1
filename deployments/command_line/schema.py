"""`tidegate schema`: the delivery configuration's JSON Schema, for editors."""

import json

import typer

from tasks.domain.delivery_text import delivery_schema


def schema() -> None:
    """Print the JSON Schema of the delivery configuration; it is kept in deployments/delivery.schema.json."""
    typer.echo(json.dumps(delivery_schema(), indent=2, ensure_ascii=False))
