"""Loads blocks by the names that the delivery configuration gives them."""

from typing import TypeVar, cast

from prefect.blocks.core import Block

from tasks.domain.errors import ConfigurationError

Kind = TypeVar("Kind", bound=Block)


def load_block(kind: type[Kind], name: str) -> Kind:
    """Raises ConfigurationError where there is no such block."""
    try:
        return cast("Kind", kind.load(name))
    except ValueError as error:
        what = f"block {kind.get_block_type_slug()}/{name}"
        raise ConfigurationError(f"{what} is not there; set its variables and run `tidegate register`") from error
