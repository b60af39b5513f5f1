"""SonarQube's news on the way from its webhook to the run that waits: an input of that run, kept by Prefect.

An input that is there before the run waits is found by it, and one that comes twice is one. It says no more than that
it is worth asking SonarQube now: whoever could write it decides nothing.
"""

import hashlib
import json
from uuid import UUID

import httpx
from prefect.client.orchestration import PrefectClient, SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.sorting import FlowRunSort

_PAGE = 200


async def find_waiting(client: PrefectClient, flow: str, commit: str) -> tuple[UUID, ...]:
    """The runs of the flow that are at work on this commit; found by their parameters, as some carry no tags."""
    running = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.RUNNING]))
    found: list[UUID] = []
    for offset in range(0, 5 * _PAGE, _PAGE):
        page = await client.read_flow_runs(
            flow_filter=FlowFilter(name=FlowFilterName(any_=[flow])),
            flow_run_filter=FlowRunFilter(state=running),
            sort=FlowRunSort.START_TIME_DESC,
            limit=_PAGE,
            offset=offset,
        )
        found += [run.id for run in page if run.parameters.get("commit") == commit]
        if len(page) < _PAGE:
            break
    return tuple(found)


async def tell(client: PrefectClient, run_id: UUID, task: str) -> bool:
    """Tell the run that SonarQube has computed the task; False where it was told before."""
    try:
        await client.create_flow_run_input(run_id, key_of(task), json.dumps({"task": task}))
    except httpx.HTTPStatusError as refused:
        if refused.response.status_code != httpx.codes.CONFLICT:
            raise
        return False
    return True


def was_told(client: SyncPrefectClient, run_id: UUID, task: str) -> bool:
    """Whether the run has been told; not where Prefect does not say, for then SonarQube is asked all the same."""
    try:
        return bool(client.read_flow_run_input(run_id, key_of(task)))
    except httpx.HTTPError:
        return False


def key_of(task: str) -> str:
    """The input's key; Prefect takes no capital letters, and SonarQube's ids differ by them."""
    return f"sonarqube-{hashlib.sha256(task.encode()).hexdigest()[:32]}"
