"""One deployable service as it is configured, from its repository to its image."""

from pydantic import Field

from tasks.domain.configuration.checked_text import Branch, ImagePath, Name, Repository
from tasks.domain.configuration.part import Part
from tasks.domain.delivery.build import Build
from tasks.domain.delivery.proof import Proof
from tasks.domain.gates.check import Check
from tasks.domain.gates.policy import Gates


class Application(Part):
    """One deployable service, from its repository to its image."""

    repository: Repository = Field(description="OWNER/NAME on the GitHub server.")
    branch: Branch = Field("main", description="The mainline: what is pushed here is built and promoted.")
    github: Name = Field("github", description="The GitHub block of the server that holds the repository.")
    image: ImagePath = Field(description="The image's path in the registry, without the registry's host.")
    registry: Name = Field("registry", description="The ContainerRegistry block that holds the image.")
    sonarqube: Name = Field("sonarqube", description="The SonarQubeServer block, where a check asks for it.")
    build: Build = Field(default=Build(), description="How the image is built.")
    proof: Proof | None = Field(
        None, description="Sign images, and promote none that is not; left out: nothing is signed."
    )
    checks: dict[Name, Check] = Field(min_length=1, description="Each check is a gate of the same name.")
    gates: Gates = Field(default=Gates(), description="What must hold beyond every check having passed.")
