"""Runs of the integrate flow on the Prefect server: started by an answer, and cancelled when nobody needs them."""

from collections.abc import Iterable
from datetime import datetime
from typing import cast
from uuid import UUID

from prefect import State, task
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateName,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.deployments import run_deployment
from prefect.states import Cancelling

from tasks.domain.event.asked import StartIntegrate

INTEGRATE = "integrate/integrate"
# When the pull request was as the run was told, as GitHub writes it.
MOMENT = "tidegate.pull-request-at"
# How a run of answer ends that has started checks.
FOLLOWED = "Started"
_OPEN = [StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING, StateType.PAUSED]


@task(task_run_name="start integrate for {wanted.name}", retries=3, retry_delay_seconds=2)
def start_integration(wanted: StartIntegrate, *, parent: str) -> UUID:
    """Create the run; a second call by the same parent run returns the first one's."""
    run = run_deployment(
        INTEGRATE,
        parameters=wanted.parameters,
        flow_run_name=wanted.name,
        idempotency_key=f"{parent}:{wanted.application}:{wanted.commit}",
        tags=list(wanted.tags),
        timeout=0,
        as_subflow=False,
    )
    return cast("FlowRun", run).id


@task(task_run_name="count /retest of {application}#{pull_request}", retries=3, retry_delay_seconds=2)
def find_retests(application: str, pull_request: int) -> tuple[datetime, ...]:
    """When the latest two hundred /retest of a pull request were followed, newest first."""
    tags = FlowRunFilterTags(all_=[f"application:{application}", f"retest:{pull_request}"])
    state = FlowRunFilterState(name=FlowRunFilterStateName(any_=[FOLLOWED]))
    with get_client(sync_client=True) as client:
        found = client.read_flow_runs(
            flow_run_filter=FlowRunFilter(tags=tags, state=state), sort=FlowRunSort.START_TIME_DESC
        )
    return tuple(run.start_time for run in found if run.start_time)


@task(task_run_name="cancel checks of {application}#{pull_request}", retries=3, retry_delay_seconds=2)
def cancel_checks(
    application: str, pull_request: int, why: str, *, but: Iterable[UUID] = (), until: str = ""
) -> tuple[UUID, ...]:
    """Cancel the runs that check this pull request, and say which; those in `but` go on.

    With `until`, a moment as GitHub writes it, also those that were told of the pull request later: deliveries may
    arrive in another order than they were sent.
    """
    with get_client(sync_client=True) as client:
        found = client.read_flow_runs(flow_run_filter=open_checks(application, pull_request))
        unwanted = [run.id for run in found if is_unwanted(run, but, until)]
        for run_id in unwanted:
            client.set_flow_run_state(run_id, cancelling(why))
    return tuple(unwanted)


def open_checks(application: str, pull_request: int) -> FlowRunFilter:
    """Finds the runs that check a pull request and have not ended."""
    tags = FlowRunFilterTags(all_=[f"application:{application}", f"pr:{pull_request}"])
    return FlowRunFilter(tags=tags, state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_OPEN)))


def is_unwanted(run: FlowRun, but: Iterable[UUID] = (), until: str = "") -> bool:
    """Whether the run is none of those and was told of the pull request no later than `until`."""
    return run.id not in set(but) and not _is_later(str(run.labels.get(MOMENT, "")), until)


def cancelling(why: str) -> State:
    """The state that ends a run: the server cancels at once what has not started yet, a worker ends what has."""
    return Cancelling(message=why)


def _is_later(moment: str, until: str) -> bool:
    try:
        return datetime.fromisoformat(moment) > datetime.fromisoformat(until)
    except ValueError:
        return False
