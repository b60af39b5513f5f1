"""What people may ask for below an application's pull requests."""

from typing import Annotated

from pydantic import Field

from tasks.domain.configuration.part import Part, PositiveSeconds


class PullRequests(Part):
    """How an application's pull requests are checked."""

    retests: Annotated[int, Field(ge=0)] = Field(
        10, description="How often /retest is followed for one pull request within `within-seconds`."
    )
    within_seconds: PositiveSeconds = Field(3600, description="So long a /retest that was followed counts.")
