"""The sandbox, blocks in the session's Prefect server, and a worker that runs flows in threads of this process."""

import itertools
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal

import pytest
from prefect import State
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
from prefect.events.worker import EventsWorker
from prefect.flow_engine import run_flow
from prefect.flow_runs import resume_flow_run
from ruamel.yaml import YAML

from deployments.command_line import main
from deployments.demo.play import follow
from deployments.demo.timeline import Run
from deployments.register import register
from deployments.sandbox.changes import good_change, sample_files
from deployments.sandbox.opening import open_world
from deployments.sandbox.server import serve
from deployments.sandbox.world import World
from deployments.webhook import create_app
from flows.answer import answer
from flows.integrate import integrate
from flows.nightly import nightly
from flows.promote import promote
from flows.release import release
from flows.roll_back import roll_back
from flows.watch import watch

FLOWS = {flow.name: flow for flow in (integrate, answer, promote, release, roll_back, nightly, watch)}
SECRET = "a secret that only the tests know"
NUMBERS = itertools.count(1)
AT_WORK = threading.Event()

# What a person does at the question that a run asks, or just their decision; a commit, and its last run by environment.
Answer = Callable[[Run], None] | Literal["approve", "reject"]
Told = tuple[str, dict[str, Run]]


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory, prefect_server: str) -> Iterator[World]:
    # A process has one worker for events, which stays with the server that it met first; other tests had their own.
    EventsWorker.drain_all(timeout=10)
    with open_world(tmp_path_factory.mktemp("world")) as opened:
        with _environment(opened):
            register(os.environ)
            receiver = create_app()
        with _worker(), serve(receiver) as url:
            opened.deliver_webhooks_to(f"{url}/webhook", SECRET)
            yield opened


@pytest.fixture(scope="module", autouse=True)
def here(world: World) -> Iterator[None]:
    """The world outlives the modules of this folder; its environment and its worker's eagerness do not."""
    with _environment(world):
        AT_WORK.set()
        yield
        AT_WORK.clear()


@pytest.fixture(autouse=True)
def no_faults(world: World) -> Iterator[None]:
    yield
    world.heal()


@pytest.fixture(scope="session")
def tell(world: World) -> Callable[..., Told]:
    """Push a change and follow everything to its end; the run of integrate stands under ''."""

    def telling(at_the_question: Answer, files: Mapping[str, str] | None = None) -> Told:
        commit = world.push("Offer another product", files or sample_files() | good_change(next(NUMBERS)))
        answering = partial(_decide, at_the_question) if isinstance(at_the_question, str) else at_the_question
        with get_client(sync_client=True) as client:
            runs = follow(client, commit, lambda _runs: None, answering)
        return commit, {run.environment: run for run in runs}

    return telling


def _decide(decision: str, waiting: Run) -> None:
    resume_flow_run(waiting.run_id, run_input={"decision": decision, "approver": "Robin Reviewer", "comment": ""})


@pytest.fixture(scope="session")
def start(world: World) -> Callable[..., State]:
    """Run a deployment as a person does in the UI; gives the state in which it ends."""

    def starting(name: str, /, **parameters: Any) -> State:
        run = run_deployment(f"{name}/{name}", parameters=parameters, timeout=120, poll_interval=0.1, as_subflow=False)
        assert run.state.is_final(), f"{run.name} is still {run.state.name}"
        return run.state

    return starting


@pytest.fixture
def tidegate(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run one command in this process; gives exit code, output and error output."""

    def running(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["tidegate", *arguments])
        # What the worker's threads printed before is not the command's.
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return running


@pytest.fixture
def configure(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put applications or environments before those of the delivery configuration, for this test; a known name replaces
    what it named."""
    settings = YAML(typ="safe", pure=True).load(world.delivery_file)
    # In the same folder, where what belongs to the configuration is found.
    file = world.delivery_file.with_name("delivery-of-a-test.yaml")

    def configuring(section: str, **added: Any) -> None:
        settings[section] = added | {name: known for name, known in settings[section].items() if name not in added}
        file.write_text(json.dumps(settings))
        monkeypatch.setenv("TIDEGATE_DELIVERY", str(file))

    return configuring


@contextmanager
def _environment(world: World) -> Iterator[None]:
    cache = str(world.delivery_file.parent / "cache")
    added = world.environment() | {"TIDEGATE_CACHE": cache, "TIDEGATE_WEBHOOK_SECRET": SECRET}
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
    # A run that waits for a person keeps its thread.
    with ThreadPoolExecutor(max_workers=32) as pool:
        looking = pool.submit(_work, pool, stop)
        yield
        stop.set()
        looking.result()


def _work(pool: ThreadPoolExecutor, stop: threading.Event) -> None:
    started = set()
    scheduled = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])))
    ours = FlowFilter(name=FlowFilterName(any_=list(FLOWS)))
    with get_client(sync_client=True) as client:
        names = {flow.id: flow.name for flow in client.read_flows()}
        while not stop.is_set():
            # Runs that other tests schedule on the same server are not ours.
            if not AT_WORK.wait(0.2):
                continue
            waiting = client.read_flow_runs(
                flow_filter=ours, flow_run_filter=scheduled, sort=FlowRunSort.EXPECTED_START_TIME_ASC
            )
            due = (run for run in waiting if _is_due(run))
            for run in due:
                # A run that was suspended is scheduled anew by its answer, in another state.
                is_known = run.id in started and (run.state_id in started or run.state.name == "Late")
                if not is_known and run.deployment_id:
                    started |= {run.id, run.state_id}
                    flow = FLOWS[names[run.flow_id]]
                    pool.submit(run_flow, flow, flow_run=run, parameters=run.parameters, return_type="state")
            time.sleep(0.1)


def _is_due(run: FlowRun) -> bool:
    return run.next_scheduled_start_time is None or run.next_scheduled_start_time <= datetime.now(UTC)
