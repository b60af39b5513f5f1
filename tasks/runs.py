"""Other flow runs on the Prefect server: starts the next promotion, finds and wakes those that wait."""

import contextlib
from dataclasses import dataclass
from typing import cast
from uuid import UUID

from prefect import task
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.deployments import run_deployment
from prefect.exceptions import NotPausedError
from prefect.flow_runs import resume_flow_run
from prefect.settings import get_current_settings

PROMOTE = "promote/promote"
_OPEN = [StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING, StateType.PAUSED]


@dataclass(frozen=True, slots=True)
class PromotionRun:
    """One run of the promote flow, as others see it."""

    run_id: UUID
    commit: str
    digest: str
    is_waiting: bool


@task(task_run_name="start {application} -> {environment}", retries=3, retry_delay_seconds=2)
def start_promotion(application: str, environment: str, commit: str, digest: str, *, parent: str) -> UUID:
    """Create the run that promotes this digest; a second call by the same parent run returns the first one's."""
    run = cast(
        "FlowRun",
        run_deployment(
            PROMOTE,
            parameters={"application": application, "environment": environment, "commit": commit, "digest": digest},
            idempotency_key=f"{parent}:{application}:{environment}:{digest}",
            tags=[f"application:{application}", f"environment:{environment}", f"commit:{commit[:7]}"],
            timeout=0,
            as_subflow=False,
        ),
    )
    return run.id


@task(task_run_name="promotions of {application} to {environment}")
def find_open_promotions(application: str, environment: str) -> tuple[PromotionRun, ...]:
    """The promote runs of this application and environment that have not ended, oldest first.

    Found by their parameters: a run that a person started in the UI carries no tags.
    """
    states = FlowRunFilterState(type=FlowRunFilterStateType(any_=_OPEN))
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs(
            flow_filter=FlowFilter(name=FlowFilterName(any_=["promote"])),
            flow_run_filter=FlowRunFilter(state=states),
            sort=FlowRunSort.EXPECTED_START_TIME_DESC,
            limit=200,
        )
    mine = {"application": application, "environment": environment}
    return tuple(_promotion_run(run) for run in reversed(runs) if mine.items() <= run.parameters.items())


@task(task_run_name="wake {run_id}", retries=3, retry_delay_seconds=2)
def wake(run_id: UUID, why: str) -> None:
    """Let a waiting promotion look around again; it is answered with a no, so it can never go on by this.

    One that does not wait any more is left alone. Raises RuntimeError while the server does not take the answer: the
    form of a run that has just begun to wait is not there yet.
    """
    with contextlib.suppress(NotPausedError):
        resume_flow_run(run_id, run_input={"decision": "reject", "approver": "tidegate", "comment": why[:500]})


def run_url(run_id: str) -> str:
    """Where a person looks at a run in the Prefect UI."""
    ui = get_current_settings().ui_url or ""
    return f"{ui}/runs/flow-run/{run_id}"


def _promotion_run(run: FlowRun) -> PromotionRun:
    return PromotionRun(
        run_id=run.id,
        commit=run.parameters.get("commit", ""),
        digest=run.parameters.get("digest", ""),
        is_waiting=run.state is not None and run.state.type is StateType.PAUSED,
    )
