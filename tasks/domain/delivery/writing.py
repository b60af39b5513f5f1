"""How a change gets into the GitOps repository: by a push, or by a pull request."""

from typing import Literal

from pydantic import Field

from tasks.domain.configuration.part import Part, PositiveSeconds, Text

MergeMethod = Literal["squash", "merge", "rebase"]


class Writing(Part):
    """How a promotion is written.

    A rollback is always pushed, for nobody should have to wait for one: let Tidegate past the branch's protection.
    """

    mode: Literal["push", "pull-request"] = Field(
        "push",
        description="push: a commit on the branch. pull-request: a branch and a pull request with what an approver has "
        "to know, merged as soon as GitHub's rules for the branch allow it.",
    )
    merge: MergeMethod = Field("squash", description="How the pull request is merged.")
    labels: tuple[Text, ...] = Field((), description="Labels of the pull request.")
    approval: Literal["form", "pull-request"] = Field(
        "form",
        description="Where the environment wants an approval. form: it is asked for as everywhere, before the pull "
        "request. pull-request: approving reviews by who may approve count, and so does a merge by them.",
    )
    wait_seconds: PositiveSeconds = Field(
        72 * 3600, description="How long the pull request may stay open before the promotion ends."
    )
    poll_seconds: float = Field(15, gt=0, description="The time between two looks at the pull request.")

    @property
    def is_by_pull_request(self) -> bool:
        """Whether a pull request stands between the decision and the branch."""
        return self.mode == "pull-request"

    @property
    def asks_on_github(self) -> bool:
        """Whether approvals are given on the pull request, and nowhere else."""
        return self.is_by_pull_request and self.approval == "pull-request"
