"""How a check is kept apart from the worker that runs it: what it may use, and as whom."""

from typing import Annotated

from pydantic import Field, StringConstraints

from tasks.domain.configuration.part import Part

_Count = Annotated[int, Field(gt=0)]
_User = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_-]{0,31}$")]


class Limits(Part):
    """What one check may use, with everything that it starts."""

    memory_mb: _Count = Field(8192, description="Memory of its own, all of its processes together, in MiB.")
    processes: _Count = Field(1024, description="Processes at the same time.")
    output_mb: _Count = Field(64, description="What it prints, in MiB.")
    file_mb: _Count = Field(4096, description="The largest file that it may write, in MiB.")


class Isolation(Part):
    """How all checks of an application are kept apart."""

    user: _User | None = Field(
        None, description="The worker's user as whom checks run; the worker has to be root to become it."
    )
