"""How an application's image is built."""

from typing import Literal

from pydantic import Field

from tasks.domain.configuration.checked_text import ImagePath, Name, Path, Platform
from tasks.domain.configuration.part import Part, Text


class Build(Part):
    """How the image is built from the checked-out commit."""

    builder: Literal["docker", "buildah"] = Field(
        "docker", description="What builds: a Docker engine, or buildah on the worker itself, which needs no engine."
    )
    engine: Name = Field("docker-engine", description="The DockerHost block of the engine that builds.")
    context: Path = Field(".", description="The folder that is sent to the engine.")
    dockerfile: Path = Field("Dockerfile", description="Inside the context.")
    target: Text | None = Field(None, description="The stage to build; left out: the last one.")
    arguments: dict[str, str] = Field(default_factory=dict, description="Build arguments; never secrets.")
    platforms: tuple[Platform, ...] = Field(
        (),
        description="Such as linux/amd64 and linux/arm64; several need buildah, or an engine with BuildKit and the"
        " containerd image store. Left out: the builder's own.",
    )
    cache: ImagePath | None = Field(
        None,
        description="A repository of the same registry that keeps layers between builds: for buildah, and for BuildKit"
        " in an engine with the containerd image store.",
    )
