"""The sandbox, blocks in the session's Prefect server, and a worker that runs flows in threads of this process."""

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType
from prefect.client.schemas.objects import StateType
from prefect.flow_engine import run_flow

from deployments.register import register
from deployments.sandbox.opening import open_world
from deployments.sandbox.server import serve
from deployments.sandbox.world import World
from deployments.webhook import create_app
from flows.integrate import integrate
from flows.nightly import nightly
from flows.promote import promote
from flows.roll_back import roll_back

FLOWS = {flow.name: flow for flow in (integrate, promote, roll_back, nightly)}
SECRET = "a secret that only the tests know"


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory, prefect_server: str) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    with open_world(folder) as opened, _environment(opened, folder):
        register(os.environ)
        with _worker(), serve(create_app()) as url:
            opened.deliver_webhooks_to(f"{url}/webhook", SECRET)
            yield opened


@pytest.fixture(autouse=True)
def no_faults(world: World) -> Iterator[None]:
    yield
    world.heal()


@contextmanager
def _environment(world: World, folder: Path) -> Iterator[None]:
    added = world.environment() | {"TIDEGATE_CACHE": str(folder / "cache"), "TIDEGATE_WEBHOOK_SECRET": SECRET}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in added.items():
            patch.setenv(name, value)
        yield


@contextmanager
def _worker() -> Iterator[None]:
    """What a process worker does, without its processes: the deployments' scheduled runs, each in a thread."""
    stop = threading.Event()
    with get_client(sync_client=True) as client:
        for name, flow in FLOWS.items():
            client.create_deployment(client.create_flow(flow), name=name)
    with ThreadPoolExecutor() as pool:
        looking = pool.submit(_work, pool, stop)
        yield
        stop.set()
        looking.result()


def _work(pool: ThreadPoolExecutor, stop: threading.Event) -> None:
    started = set()
    scheduled = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])))
    with get_client(sync_client=True) as client:
        names = {flow.id: flow.name for flow in client.read_flows()}
        while not stop.is_set():
            for run in client.read_flow_runs(flow_run_filter=scheduled):
                if run.id not in started and run.deployment_id and names.get(run.flow_id) in FLOWS:
                    started.add(run.id)
                    flow = FLOWS[names[run.flow_id]]
                    pool.submit(run_flow, flow, flow_run=run, parameters=run.parameters, return_type="state")
            time.sleep(0.1)
