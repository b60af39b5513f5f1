"""Applications that go to some environments only together, as they are configured."""

from pydantic import Field

from tasks.domain.configuration.checked_text import Name
from tasks.domain.configuration.part import Part


class Release(Part):
    """Applications that are promoted to these environments by one commit, or not at all."""

    applications: tuple[Name, ...] = Field(
        min_length=2, description="Its members. Those of one repository go from the same commit."
    )
    environments: tuple[Name, ...] = Field(
        min_length=1, description="Where they go only together: whatever the environments before these run, verified."
    )
