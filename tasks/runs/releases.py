"""Runs of the flow release on the Prefect server: starts the one for a set of candidates, once."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import cast
from uuid import UUID

from prefect import task
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowFilter, FlowFilterName
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.sorting import FlowRunSort
from prefect.deployments import run_deployment

RELEASE = "release/release"


@task(task_run_name="start release {name} -> {environment}", retries=3, retry_delay_seconds=2)
def start_release(
    name: str,
    environment: str,
    candidates: Mapping[str, str],
    *,
    at: datetime | None = None,
    break_glass: str = "",
    key: str = "",
) -> UUID:
    """The run that promotes these candidates together, by application as COMMIT@DIGEST.

    Whoever asks while such a run is open, or at the same moment, gets that one; `break_glass` is a new wish. With a
    `key` of its own it is another run in any case, but never a second one under that key; with `at` it is scheduled.
    """
    wanted = {"name": name, "environment": environment, "candidates": dict(candidates)}
    if break_glass:
        wanted["break_glass"] = break_glass
    same = [] if key else [run for run in _latest() if wanted.items() <= run.parameters.items()]
    for run in same:
        if run.state is not None and not run.state.is_final():
            return run.id
    run = cast(
        "FlowRun",
        run_deployment(
            RELEASE,
            parameters=wanted,
            scheduled_time=at,
            flow_run_name=f"{name} -> {environment}",
            # How many there were: two that ask at the same moment see the same number.
            idempotency_key=f"release:{key or len(same)}:{_set_key(wanted)}",
            tags=[f"environment:{environment}", *(f"application:{each}" for each in candidates)],
            timeout=0,
            as_subflow=False,
        ),
    )
    return run.id


def _latest() -> list[FlowRun]:
    with get_client(sync_client=True) as client:
        return client.read_flow_runs(
            flow_filter=FlowFilter(name=FlowFilterName(any_=["release"])),
            sort=FlowRunSort.EXPECTED_START_TIME_DESC,
            limit=200,
        )


def _set_key(wanted: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()[:32]
