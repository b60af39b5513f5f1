"""What Tidegate does where an Argo Rollout pauses: a canary at a step, or blue-green before it switches."""

from typing import Literal, Self

from pydantic import Field, model_validator

from tasks.domain.configuration.checked_text import Name
from tasks.domain.configuration.part import Part, PositiveSeconds
from tasks.domain.delivery.post_deploy import PostDeployCheck


class Progressive(Part):
    """What is asked at each pause of an Argo Rollout, and what follows from the answers.

    Each action is a right of its own in Argo CD: `applications, action/argoproj.io/Rollout/resume` and so on. Without
    the right, and where nothing is said here, a person has to act in Argo CD.
    """

    at_pause: dict[Name, PostDeployCheck] = Field(
        default_factory=dict, description="Checks, as in post-deploy-checks, that are asked at each pause."
    )
    when_passed: Literal["resume", "promote-full", "wait"] = Field(
        "wait",
        description="What follows where all of them passed: the next step, all steps at once, or waiting for a person. "
        "A pause with a duration ends by itself.",
    )
    when_failed: Literal["abort", "wait"] = Field(
        "wait", description="What follows where one of them failed; after an abort the release is rolled back in git."
    )
    by_hand: tuple[Literal["resume", "promote-full", "abort"], ...] = Field(
        ("abort",),
        description="What a person may have Tidegate do, by `tidegate rollout`; each is recorded with who and why.",
    )
    pause_seconds: PositiveSeconds = Field(
        86400, description="How long a pause may wait for a person before the rollout has failed."
    )

    @model_validator(mode="after")
    def _asks_before_it_acts(self) -> Self:
        if not self.at_pause and self.when_passed != "wait":
            raise ValueError("goes on without asking anything; name checks in `at-pause`, or leave out `when-passed`")
        return self
