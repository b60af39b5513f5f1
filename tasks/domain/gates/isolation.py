"""How a check is kept apart from the worker that runs it: what it may use, and as whom, and in which container."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from tasks.domain.configuration.checked_text import Name
from tasks.domain.configuration.part import Part

_Count = Annotated[int, Field(gt=0)]
_ImageName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@-]*$")]
_User = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_-]{0,31}$")]


class Limits(Part):
    """What one check may use, with everything that it starts."""

    memory_mb: _Count = Field(8192, description="Memory of its own, all of its processes together, in MiB.")
    processes: _Count = Field(1024, description="Processes at the same time.")
    output_mb: _Count = Field(64, description="What it prints, in MiB.")
    file_mb: _Count = Field(4096, description="The largest file that it may write, in MiB.")


class Container(Part):
    """A container of the isolation's Docker engine, which has to see the worker's temporary folder."""

    image: _ImageName = Field(description="Has the check's program; with its digest it is always the same one.")
    network: Literal["none", "bridge"] = Field("none", description="none: the check reaches nothing at all.")


class Isolation(Part):
    """How all checks of an application are kept apart."""

    user: _User | None = Field(
        None, description="The worker's user as whom checks run; the worker has to be root to become it."
    )
    container: Container | None = Field(None, description="Checks run in a container of this image, as that user.")
    engine: Name = Field("docker-engine", description="The DockerHost block of the engine that runs containers.")
