"""A pull request is checked and gets its statuses; nothing of it is built, pushed or promoted."""

from collections.abc import Callable

import pytest
from prefect.client.orchestration import get_client

from deployments.demo.play import follow
from deployments.demo.timeline import Run, read_runs
from deployments.sandbox.changes import broken_tests, good_change, sample_files
from deployments.sandbox.world import APPLICATION, GITOPS, REPOSITORY, World

Opened = tuple[str, int]


def refuse_to_answer(waiting: Run) -> None:
    raise AssertionError(f"{waiting.name} asks for an approval")


@pytest.fixture(autouse=True)
def nothing_is_pushed_or_promoted(world: World):
    def look():
        return world.registry.tags(APPLICATION), world.github.repositories[GITOPS].git.head("main")

    before = look()
    yield
    assert look() == before


@pytest.fixture
def open_pull_request(world: World) -> Callable[..., Opened]:
    """Push a branch and ask for its merge: the commit and the pull request's number; the webhook is answered."""

    def opening(branch: str, files: dict[str, str], *, draft: bool = False) -> Opened:
        commit = world.push("Offer two more products", sample_files() | files, branch=branch)
        world.github.wait_for_deliveries()
        assert "not the mainline" in world.last_delivery().response_body
        pull = world.github.open_pull_request(
            REPOSITORY, head=branch, base="main", title="Offer two more products", author="dana", draft=draft
        )
        world.github.wait_for_deliveries()
        return commit, pull.number

    return opening


def comments_on(world: World, number: int) -> list[str]:
    return [one.body for one in world.github.repositories[REPOSITORY].comments if one.issue == number]


def test_a_pull_request_is_checked_and_gets_its_statuses(world: World, open_pull_request) -> None:
    commit, number = open_pull_request("two-more", good_change(2))
    with get_client(sync_client=True) as client:
        (run,) = follow(client, commit, lambda _runs: None, refuse_to_answer)

    assert (run.flow, run.state) == ("integrate", "Checked")
    assert run.message.startswith(f"Pull request {number}: ")
    assert {step.phase for step in run.steps} & {"build", "push", "commit"} == set()
    gates = world.read_gates(commit)
    names = ("lint", "unit-tests", "static-analysis", "security", "coverage", "changed-lines", "findings")
    assert gates.keys() == {"tidegate", *(f"tidegate/{name}" for name in names)}
    assert all(said.startswith("success") for said in gates.values())
    [comment] = comments_on(world, number)
    assert f"### ✓ shop-api: {run.message.removeprefix(f'Pull request {number}: ')}" in comment
    assert f"Commit {commit}, checked in [this run](" in comment
    assert "**Coverage:** " in comment


def test_a_pull_request_that_breaks_a_test_says_so(world: World, open_pull_request) -> None:
    commit, _ = open_pull_request("round-down", broken_tests())
    with get_client(sync_client=True) as client:
        (run,) = follow(client, commit, lambda _runs: None, refuse_to_answer)

    assert run.state == "Gates failed"
    assert world.read_gates(commit)["tidegate"] == "failure: 1 of 7 gates failed: unit-tests."


def test_a_draft_starts_nothing_and_neither_does_its_end(world: World, open_pull_request) -> None:
    commit, number = open_pull_request("not-ready-yet", good_change(2), draft=True)
    assert f"pull request {number} is a draft" in world.last_delivery().response_body

    world.github.close_pull_request(REPOSITORY, number, by="dana")
    world.github.wait_for_deliveries()
    assert f"pull request {number} was closed" in world.last_delivery().response_body

    with get_client(sync_client=True) as client:
        assert read_runs(client, commit) == ()
    assert world.read_gates(commit) == {}
