"""What is asked of the Amazon ECR repository that holds an application's images."""

from typing import Annotated

from pydantic import Field

from tasks.domain.configuration.part import Part, Seconds


class Ecr(Part):
    """Only for a registry with AWS credentials."""

    immutable_tags: bool = Field(
        default=True, description="Nothing is built where a commit's tag could later be moved to another image."
    )
    scan_seconds: Seconds = Field(
        900, description="How long ECR's scan of the image is awaited; vulnerabilities then decide. 0: not at all."
    )
    keep_newest: Annotated[int, Field(gt=0, le=10_000)] | None = Field(
        None,
        description="nightly puts a lifecycle policy that expires all tagged images but so many, and none that the "
        "GitOps repository names. Left out: the policy is left alone.",
    )
