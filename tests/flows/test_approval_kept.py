"""An approval outlives the run that asked for it, and nobody else can put one there."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from prefect import State
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateName
from prefect.concurrency.sync import concurrency
from prefect.flow_runs import resume_flow_run
from prefect.settings import PREFECT_API_URL

from blocks.registry import ContainerRegistry
from deployments.answers import read_question
from deployments.sandbox.world import APPLICATION, World
from tasks.domain.proof.envelope import sealed
from tasks.domain.proof.keys import new_private_key, public_half, sign_with
from tasks.domain.proof.kinds import APPROVAL
from tasks.domain.proof.statement import Statement, parse_statement
from tasks.registry.referrers import attach, read_attached

ROOT = Path(__file__).parents[2]
PROMOTE = "from flows.promote import promote; promote('{}', 'production', '{}', '{}')"
PATIENCE_SECONDS = 90


@pytest.fixture(scope="module")
def rejected(tell) -> tuple[str, str]:
    """A commit that staging runs and production does not, and its digest."""
    commit, runs = tell("reject")
    return commit, runs["production"].digest


def records(world: World, digest: str) -> list[Statement]:
    attached = read_attached.fn(ContainerRegistry(url=world.addresses.registry), APPLICATION, digest, APPROVAL)
    return [parse_statement(one.envelope.payload) for one in attached]


def approvals(world: World, digest: str) -> list[Statement]:
    return [one for one in records(world, digest) if one.predicate["decision"] == "approve"]


def started_promotion(commit: str, digest: str) -> subprocess.Popen[bytes]:
    """A run in a process of its own, which can be killed; no worker knows of it."""
    environment = os.environ | {"PREFECT_API_URL": str(PREFECT_API_URL.value())}
    command = [sys.executable, "-c", PROMOTE.format(APPLICATION, commit, digest)]
    return subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)


def waiting_run(commit: str) -> UUID:
    paused = FlowRunFilter(state=FlowRunFilterState(name=FlowRunFilterStateName(any_=["Paused"])))
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with get_client(sync_client=True) as client:
            for run in client.read_flow_runs(flow_run_filter=paused):
                if run.parameters.get("commit") == commit:
                    return read_question(run.id).run_id
        time.sleep(0.2)
    raise AssertionError("no run waits")


def wait_for(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_a_run_that_is_killed_after_its_approval_is_started_again_without_asking(
    world: World, rejected: tuple[str, str], start
) -> None:
    commit, digest = rejected
    base = world.read_changes("production")[0].source_commit
    forge(world, commit, digest, base)
    with concurrency("environment:production", strict=True):
        process = started_promotion(commit, digest)
        try:
            # The forged approval is not one: it asks.
            run = waiting_run(commit)
            resume_flow_run(run, run_input={"decision": "approve", "approver": "Robin Reviewer", "comment": "fine"})
            wait_for(lambda: len(approvals(world, digest)) == 2)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    assert world.read_changes("production")[0].source_commit == base

    ended: State = start("promote", application=APPLICATION, environment="production", commit=commit, digest=digest)

    assert ended.name == "Verified"
    change = world.read_changes("production")[0]
    assert (change.source_commit, change.approved_by) == (commit, "Robin Reviewer (name unproven)")
    kept = next(one.predicate for one in approvals(world, digest) if one.predicate["approver"]["name"] != "Mallory")
    assert (kept["base"], kept["comment"], kept["approver"]["identity"]) == (base, "fine", "claimed")
    assert kept["run"].endswith(str(run))


def forge(world: World, commit: str, digest: str, base: str) -> None:
    """Attach an approval to the image that anyone could, who may push to the registry but has not our key."""
    said = {
        "application": APPLICATION,
        "environment": "production",
        "commit": commit,
        "base": base,
        "decision": "approve",
        "approver": {"name": "Mallory", "identity": "claimed", "login": "", "aliases": []},
        "comment": "",
        "answeredAt": datetime.now(UTC).isoformat(),
        "expires": (datetime.now(UTC) + timedelta(days=1)).isoformat(),
        "question": "",
        "run": "",
    }
    private = new_private_key()
    envelope = sealed(Statement(APPLICATION, digest, APPROVAL, said), lambda text: sign_with(private, None, text))
    registry = ContainerRegistry(url=world.addresses.registry)
    attach.fn(registry, APPLICATION, digest, envelope, public_half(private, None), predicate_type=APPROVAL)
