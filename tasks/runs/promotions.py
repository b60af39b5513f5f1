"""Other flow runs on the Prefect server: starts the next promotion, finds and wakes those that wait."""

import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

from prefect import task
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterEndTime,
    FlowRunFilterState,
    FlowRunFilterStateName,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.deployments import run_deployment
from prefect.exceptions import NotPausedError
from prefect.flow_runs import resume_flow_run
from prefect.settings import get_current_settings
from prefect.states import Cancelled, Scheduled

from tasks.runs.members import PROMOTING, candidates_of, is_release
from tasks.runs.releases import start_release

PROMOTE = "promote/promote"
_QUEUED = "queued"
_OPEN = [StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING, StateType.PAUSED]


@dataclass(frozen=True, slots=True)
class PromotionRun:
    """One run of the promote flow, or what a run of release does for one of its members, as others see it."""

    run_id: UUID
    commit: str
    digest: str
    is_waiting: bool
    is_scheduled: bool = False
    is_queued: bool = False
    is_release: bool = False

    @property
    def url(self) -> str:
        """Where a person looks at it."""
        return run_url(str(self.run_id))


@task(task_run_name="start {application} -> {environment}", retries=3, retry_delay_seconds=2)
def start_promotion(
    application: str,
    environment: str,
    commit: str,
    digest: str,
    *,
    parent: str,
    at: datetime | None = None,
    break_glass: str = "",
    queued: bool = False,
) -> UUID:
    """Create the run that promotes this digest; a second call by the same parent run returns the first one's.

    With `at` the run is scheduled for that time and holds no process until then; one that is `queued` may be brought
    forward.
    """
    wanted = {"application": application, "environment": environment, "commit": commit, "digest": digest}
    tags = [f"application:{application}", f"environment:{environment}", f"commit:{commit[:7]}"]
    run = cast(
        "FlowRun",
        run_deployment(
            PROMOTE,
            parameters=wanted | ({"break_glass": break_glass} if break_glass else {}),
            scheduled_time=at,
            flow_run_name=f"{application} {commit[:7]} -> {environment}",
            idempotency_key=f"{parent}:{application}:{environment}:{digest}" + (f":{at.isoformat()}" if at else ""),
            tags=[*tags, _QUEUED] if queued else tags,
            timeout=0,
            as_subflow=False,
        ),
    )
    return run.id


@task(task_run_name="promotions of {application} to {environment}")
def find_open_promotions(application: str, environment: str) -> tuple[PromotionRun, ...]:
    """The runs that promote this application to this environment and have not ended, oldest first.

    Found by their parameters: a run that a person started in the UI carries no tags.
    """
    states = FlowRunFilterState(type=FlowRunFilterStateType(any_=_OPEN))
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs(
            flow_filter=FlowFilter(name=FlowFilterName(any_=PROMOTING)),
            flow_run_filter=FlowRunFilter(state=states),
            sort=FlowRunSort.EXPECTED_START_TIME_DESC,
            limit=200,
        )
    mine = {"application": application, "environment": environment}
    promoted = ((run, one) for run in reversed(runs) for one in candidates_of(run.parameters))
    return tuple(_promotion_run(run, one) for run, one in promoted if mine.items() <= one.items())


@task(task_run_name="call off {run_id}", retries=3, retry_delay_seconds=2)
def call_off(run_id: UUID, why: str) -> None:
    """End a promotion that has not started yet; one that has started meanwhile looks around by itself."""
    with get_client(sync_client=True) as client:
        state = client.read_flow_run(run_id).state
        if state is not None and state.is_scheduled():
            client.set_flow_run_state(run_id, Cancelled(name="Superseded", message=why))


@task(task_run_name="start the queued promotions of {application} to {environment}", retries=3, retry_delay_seconds=2)
def start_queued(application: str, environment: str) -> None:
    """Bring forward what waits for its turn; each looks by itself whose turn it is."""
    with get_client(sync_client=True) as client:
        for run in find_open_promotions.fn(application, environment):
            if run.is_queued and run.is_scheduled:
                client.set_flow_run_state(run.run_id, Scheduled(scheduled_time=datetime.now(UTC)), force=True)


@task(task_run_name="start again what was stopped in {environment}", retries=3, retry_delay_seconds=2)
def restart_stopped(environment: str, since: datetime) -> tuple[UUID, ...]:
    """Start anew each promotion that ended since then because the environment was stopped; none a second time."""
    stopped = FlowRunFilterState(name=FlowRunFilterStateName(any_=["Stopped"]))
    ended = FlowRunFilterEndTime(after_=since)
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs(
            flow_filter=FlowFilter(name=FlowFilterName(any_=PROMOTING)),
            flow_run_filter=FlowRunFilter(state=stopped, end_time=ended),
            sort=FlowRunSort.EXPECTED_START_TIME_DESC,
            limit=200,
        )
    mine = [run for run in reversed(runs) if run.parameters.get("environment") == environment]
    return tuple(_start_again(run.parameters, f"go:{run.id}") for run in mine)


def _start_again(parameters: dict[str, Any], stopped: str) -> UUID:
    # The key of the run that was stopped: another call finds the run that this one has made.
    if is_release(parameters):
        return start_release.fn(**parameters, key=stopped)
    return start_promotion.fn(**parameters, parent=stopped)


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


def _promotion_run(run: FlowRun, candidate: dict[str, str]) -> PromotionRun:
    return PromotionRun(
        run_id=run.id,
        commit=candidate.get("commit", ""),
        digest=candidate.get("digest", ""),
        is_waiting=run.state is not None and run.state.type is StateType.PAUSED,
        is_scheduled=run.state is not None and run.state.type is StateType.SCHEDULED,
        is_queued=_QUEUED in run.tags,
        is_release=is_release(run.parameters),
    )
