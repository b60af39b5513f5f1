"""Who may approve a promotion to an environment, how they prove who they are, and for how long the question stands."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tasks.domain.configuration.checked_text import Approver, Name
from tasks.domain.configuration.part import Part, PositiveSeconds

PositiveCount = Annotated[int, Field(gt=0, le=20)]


class Identity(StrEnum):
    """How it is known who an answer comes from."""

    CLAIMED = "claimed"
    ONE_TIME_CODE = "one-time-code"
    GITHUB = "github"
    PROXY = "proxy"

    @property
    def words(self) -> str:
        """As it stands in brackets behind the name, in every record."""
        return {"claimed": "name unproven", "one-time-code": "one-time code", "github": "GitHub"}.get(self, str(self))


class Role(Part):
    """People of whom some have to be among those who approve."""

    approvers: tuple[Approver, ...] = Field(min_length=1, description="Names, logins, or GitHub teams as ORG/TEAM.")
    required: PositiveCount = Field(1, description="How many of them.")

    @model_validator(mode="after")
    def _can_be_met(self) -> Self:
        _refuse_too_many(self.required, self.approvers)
        return self


class ApprovalPolicy(Part):
    """Who may approve, how they prove who they are, and for how long the question stands."""

    approvers: tuple[Approver, ...] = Field(
        (), description="Names, logins, or GitHub teams as ORG/TEAM; nobody here or in a role: anyone but the authors."
    )
    required: PositiveCount = Field(1, description="How many different people have to approve.")
    roles: dict[Name, Role] = Field(
        default_factory=dict, description="Groups of which some have to approve, each person for one role only."
    )
    expires_seconds: PositiveSeconds = Field(72 * 3600, description="Then the promotion ends unapproved.")
    author_may_approve: bool = Field(
        default=False, description="Whether who wrote, merged or pushed part of the change may approve it too."
    )
    identity: tuple[Identity, ...] = Field(
        (Identity.CLAIMED,),
        min_length=1,
        description="How an approver is known, any of these: claimed (the name in the form, unproven), one-time-code "
        "(see `tidegate approver add`), github (a comment /approve or a review), proxy (the approval page behind a "
        "proxy that knows its users).",
    )
    wait: Literal["pause", "suspend"] = Field(
        "pause", description="pause keeps the run's process; suspend ends it, and starts the run again at the answer."
    )

    @model_validator(mode="after")
    def _proves_something(self) -> Self:
        if Identity.CLAIMED in self.identity and len(self.identity) > 1:
            raise ValueError("claimed beside another proof would make that one worthless; leave claimed out")
        return self

    @model_validator(mode="after")
    def _can_be_met(self) -> Self:
        if self.named:
            _refuse_too_many(self.required, self.named)
        return self

    @property
    def teams(self) -> frozenset[str]:
        """Every GitHub team that it names, as ORG/TEAM."""
        return frozenset(name for name in self._named if "/" in name)

    @property
    def named(self) -> tuple[str, ...]:
        """Everybody who may approve, each once; nobody: anyone may."""
        return tuple(dict.fromkeys(self._named))

    @property
    def _named(self) -> tuple[str, ...]:
        return (*self.approvers, *(name for role in self.roles.values() for name in role.approvers))


def _refuse_too_many(required: int, named: tuple[str, ...]) -> None:
    # How many are in a team is for GitHub to know.
    people = {name.casefold() for name in named}
    if required > len(people) and not any("/" in name for name in named):
        raise ValueError(f"{required} have to approve, but only {len(people)} may; name more, or require fewer")
