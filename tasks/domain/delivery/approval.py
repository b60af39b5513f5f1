"""Who may approve a promotion to an environment, and for how long the question stands."""

from pydantic import Field

from tasks.domain.configuration.part import Part, PositiveSeconds, Text


class ApprovalPolicy(Part):
    """Who may approve, and for how long the question stands."""

    approvers: tuple[Text, ...] = Field((), description="Names that may approve; none named: anyone but the author.")
    expires_seconds: PositiveSeconds = Field(72 * 3600, description="Then the promotion ends unapproved.")
    author_may_approve: bool = Field(default=False, description="Whether who wrote the change may approve it too.")
