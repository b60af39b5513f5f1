"""A run knows whether its commit was begun before, so that it looks for what an earlier one left."""

import uuid

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.states import Crashed, Pending, Running

from tasks.runs.again import was_begun_before

pytestmark = pytest.mark.usefixtures("prefect_server")


@flow(name="integrate")
def stand_in(application: str, commit: str) -> None:
    """Has integrate's name; no deployment, so that no worker of another test runs it."""


def a_run_of(commit: str) -> uuid.UUID:
    parameters, tags = {"application": "shop", "commit": commit}, [f"commit:{commit[:7]}"]
    with get_client(sync_client=True) as client:
        return client.create_flow_run(stand_in, parameters=parameters, tags=tags, state=Running()).id


def test_another_run_of_the_same_commit_counts_and_of_another_does_not() -> None:
    commit = (uuid.uuid4().hex * 2)[:40]
    first = a_run_of(commit)
    # The same seven digits.
    a_run_of(commit[:7] + "0" * 33)
    assert not was_begun_before.fn(commit, first)
    second = a_run_of(commit)
    assert was_begun_before.fn(commit, second)


def test_a_run_that_begins_again_was_begun_before() -> None:
    commit = (uuid.uuid4().hex * 2)[:40]
    run = a_run_of(commit)
    with get_client(sync_client=True) as client:
        for state in (Crashed(), Pending(), Running()):
            client.set_flow_run_state(run, state, force=True)
    assert was_begun_before.fn(commit, run)
