"""What every part of our own configuration files has in common: kebab-case keys, and none that is not known."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Seconds = Annotated[int, Field(ge=0)]
PositiveSeconds = Annotated[int, Field(gt=0)]
Text = Annotated[str, Field(min_length=1)]


def _kebab(name: str) -> str:
    return name.replace("_", "-")


class Part(BaseModel):
    """A part of a file; its keys are the field names in kebab-case."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=_kebab, populate_by_name=True)
