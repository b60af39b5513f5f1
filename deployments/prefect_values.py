"""prefect.yaml as values: the keys that may stand in it. deployments.prefect_file reads it.

They are those of Prefect 3.8 that concern a deployment of a local or installed flow
(https://docs.prefect.io/v3/how-to-guides/deployments/prefect-yaml); Prefect ignores all others without a word.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Text = Annotated[str, Field(min_length=1)]
Steps = tuple[dict[str, dict[str, Any]], ...]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Schedule(_Part):
    """When a deployment gets runs by itself."""

    slug: Text = Field(description="a name, by which a later deploy finds the schedule again")
    cron: Text = Field(description="minute, hour, day, month and weekday")
    timezone: Text = Field(description="an IANA name such as Europe/Berlin; without it the time would be UTC")
    parameters: dict[str, Any] = Field(default_factory=dict)
    active: bool = True
    day_or: bool = True
    replaces: Text | None = None


class WorkPool(_Part):
    """Who runs it."""

    name: Text = Field(description="the work pool that `tidegate register` makes")
    work_queue_name: Text | None = None
    job_variables: dict[str, Any] = Field(default_factory=dict)


class ConcurrencyLimit(_Part):
    """How many runs of a deployment may be active."""

    limit: Annotated[int, Field(gt=0)] = Field(description="how many runs at once")
    collision_strategy: Literal["ENQUEUE", "CANCEL_NEW"] = "ENQUEUE"
    grace_period_seconds: Annotated[int, Field(ge=60, le=86400)] | None = None


class Deployment(_Part):
    """One flow, ready to be started."""

    name: Text = Field(description="the deployment's name; one flow's deployments need different ones")
    entrypoint: Text = Field(description="package.module.function of the flow")
    description: Text = Field(description="what a person who starts it by hand has to know")
    tags: tuple[Text, ...] = ()
    version: Text | None = None
    work_pool: WorkPool = Field(description="the work pool, as a mapping with a name")
    schedules: tuple[Schedule, ...] = ()
    parameters: dict[str, Any] = Field(default_factory=dict)
    paused: bool = False
    enforce_parameter_schema: bool = True
    concurrency_limit: ConcurrencyLimit | None = None
    build: Steps | None = None
    push: Steps | None = None
    pull: Steps | None = None


class PrefectFile(_Part):
    """The whole file."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    name: Text | None = None
    prefect_version: Text | None = Field(None, alias="prefect-version")
    build: Steps | None = None
    push: Steps | None = None
    pull: Steps | None = None
    deployments: tuple[Deployment, ...] = Field(min_length=1, description="a list with one deployment for each flow")
