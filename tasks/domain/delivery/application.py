"""One deployable service as it is configured, from its repository to its image."""

from typing import Literal

from pydantic import Field

from tasks.domain.configuration.checked_text import Branch, ImagePath, Name, Repository
from tasks.domain.configuration.part import Part
from tasks.domain.delivery.build import Build
from tasks.domain.delivery.ecr import Ecr
from tasks.domain.delivery.proof import Proof
from tasks.domain.delivery.pull_requests import PullRequests
from tasks.domain.gates.check import Check
from tasks.domain.gates.isolation import Isolation
from tasks.domain.gates.policy import Gates

AUTO: Literal["auto"] = "auto"


class Application(Part):
    """One deployable service, from its repository to its image."""

    repository: Repository = Field(description="OWNER/NAME on the GitHub server.")
    branch: Branch = Field("main", description="The mainline: what is pushed here is built and promoted.")
    github: Name = Field("github", description="The GitHub block of the server that holds the repository.")
    image: ImagePath = Field(description="The image's path in the registry, without the registry's host.")
    registry: Name = Field("registry", description="The ContainerRegistry block that holds the image.")
    ecr: Ecr | None = Field(None, description="For a registry that is Amazon ECR; left out: nothing is asked of it.")
    sonarqube: Name = Field("sonarqube", description="The SonarQubeServer block, where a check asks for it.")
    build: Build = Field(default=Build(), description="How the image is built.")
    proof: Proof | None = Field(
        None, description="Sign images, and promote none that is not; left out: nothing is signed."
    )
    toolchain: Literal["auto", "python", "node", "maven", "gradle", "go"] | None = Field(
        None,
        description="Brings the checks install, lint, tests and audit, and caches; auto recognises it by the files of "
        "the commit. Left out: auto where there are no checks, else none.",
    )
    skip_defaults: tuple[Name, ...] = Field((), description="The toolchain's default checks that are not wanted.")
    checks: dict[Name, Check] = Field(
        default_factory=dict,
        description="Each check is a gate of the same name; one with the name of a default check takes its place, or "
        "changes only what it sets where it has no command.",
    )
    isolation: Isolation = Field(
        default=Isolation(), description="How the checks, which run code of whoever wrote it, are kept apart."
    )
    pull_requests: PullRequests = Field(default=PullRequests(), description="How its pull requests are checked.")
    gates: Gates = Field(default=Gates(), description="What must hold beyond every check having passed.")

    @property
    def wanted_toolchain(self) -> Literal["auto", "python", "node", "maven", "gradle", "go"] | None:
        """Whose default checks it gets; None where its own are all."""
        return self.toolchain or (None if self.checks else AUTO)


def asks_for_scan(application: Application) -> bool:
    """Whether the registry's scan of the image is one of the application's gates."""
    return application.ecr is not None and application.ecr.scan_seconds > 0
