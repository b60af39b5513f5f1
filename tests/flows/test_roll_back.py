"""Rolling back by hand: production returns to the release before, or nothing is written and a sentence says why."""

import time
from collections.abc import Callable
from uuid import UUID

import httpx
import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.concurrency.sync import concurrency
from prefect.deployments import run_deployment
from prefect.flow_runs import resume_flow_run
from prefect.states import State

from deployments.demo.timeline import Run
from deployments.sandbox.world import APPLICATION, GITOPS, World
from tasks.domain.promotion.history import Change, promotion_message

FILE = f"apps/{APPLICATION}/values-preview.yaml"
SHA = "1a2b3c4" + "0" * 33
A, B, C = (f"sha256:{letter * 64}" for letter in "abc")
WHY = {"application": APPLICATION, "reason": "customers complain"}


@pytest.fixture
def preview(configure) -> None:
    """An environment with a file and a history of its own, which nothing rolls out."""
    configure("environments", preview={"argocd": {"application": "{application}-preview"}, "manifest": {"file": FILE}})
    with get_client(sync_client=True) as client:
        client.upsert_global_concurrency_limit_by_name("environment:preview", 1)


@pytest.fixture
def write(world: World) -> Callable[..., str]:
    """Commit the file with this digest, as Tidegate does where a change is told, else as a person does."""

    def writing(digest: str, **change: str) -> str:
        text = f'image:\n  repository: registry.example/shop-api\n  tag: ""\n  digest: "{digest}"\n'
        message = "Change it by hand"
        if change:
            message = promotion_message(Change(APPLICATION, "preview", digest, **{"source_commit": SHA} | change))
        return world.github.commit(
            GITOPS, "main", {FILE: text}, message, author_name="Pat Platform", author_email="pat@acme.example"
        )

    return writing


def gitops_head(world: World) -> str | None:
    return world.github.repositories[GITOPS].git.head("main")


def test_production_returns_to_the_release_before_and_the_digest_is_quarantined(
    world: World, tell, start, tidegate
) -> None:
    before = world.read_changes("production")[0].digest
    commit, runs = tell("approve")
    bad = runs["production"].digest
    assert world.read_environment("production").digest == bad != before
    code, said, problem = tidegate("rollback", APPLICATION, "production", "--reason", "customers complain")

    change = world.read_changes("production")[0]
    assert code == 0, said + problem
    assert said.splitlines()[-1] == (
        f"Rolled back: production is back at {before[7:19]} (commit {change.source_commit[:7]}), verified."
    )
    assert (change.digest, change.rollback_of, change.reason) == (before, bad, "customers complain")
    after = world.read_environment("production")
    assert (after.digest, after.health) == (before, "Healthy")
    assert httpx.get(after.url).headers["X-Commit"] == change.source_commit != commit
    again = start("promote", application=APPLICATION, environment="production", commit=commit, digest=bad)
    assert again.name == "Refused"
    assert "in quarantine in production" in again.message
    assert "customers complain" in again.message

    # Back again to what was taken out, by name, which the quarantine forbids until somebody clears it.
    by_name = ("rollback", APPLICATION, "production", "--to", commit[:7], "--reason", "it was the database")
    code, said, _ = tidegate(*by_name)
    assert code == 1
    assert f"production: commit {commit[:7]} is in quarantine" in said
    assert bad[7:19] in tidegate("quarantine", "list", APPLICATION, "production")[1]
    clearing = ("quarantine", "clear", APPLICATION, "production", commit, "--reason", "it was the database")
    assert tidegate(*clearing)[0] == 0
    assert (world.read_changes("production")[0].digest, world.read_changes("production")[0].clears_quarantine) == (
        bad,
        True,
    )
    # What other stories put there stays.
    assert bad[7:19] not in tidegate("quarantine", "list", APPLICATION, "production")[1]
    assert tidegate(*clearing)[0] == 2
    assert tidegate(*by_name)[0] == 0
    assert world.read_environment("production").digest == bad


def test_nothing_is_written_where_there_is_no_release_before(world: World, preview, write, start) -> None:
    write(A)
    head = write(A, run="the first one")
    ended = start("roll-back", environment="preview", **WHY)

    assert ended.type.value == "FAILED"
    assert ended.message == "preview has no earlier healthy release to go back to; promote a good one."
    assert gitops_head(world) == head


def test_a_digest_in_quarantine_is_never_gone_back_to(world: World, preview, write, start) -> None:
    write(A, run="the first one")
    write(B, run="a bad one")
    head = write(A, rollback_of=B, reason="it was bad")
    ended = start("roll-back", environment="preview", **WHY)

    assert ended.message == "preview has no earlier healthy release to go back to; promote a good one."
    assert gitops_head(world) == head


def test_a_file_that_names_no_digest_is_left_alone(world: World, preview, write, start) -> None:
    head = write("")
    ended = start("roll-back", environment="preview", **WHY)

    assert (ended.name, ended.message) == ("Refused", f"{FILE} names no digest to go back from")
    assert gitops_head(world) == head


def test_what_somebody_else_wrote_meanwhile_is_not_overwritten(world: World, preview, write) -> None:
    write(A, run="the first one")
    write(B, run="a bad one")
    with get_client(sync_client=True) as client:
        with concurrency("environment:preview", strict=True):
            run = run_deployment(
                "roll-back/roll-back", parameters={"environment": "preview", **WHY}, timeout=0, as_subflow=False
            )
            wait_for_step(client, run.id, f"read {FILE}")
            head = write(C)
        ended = wait_for_end(client, run.id)

    assert ended.type.value == "FAILED"
    assert ended.message == (
        f"{FILE} holds registry.example/shop-api@{C} since commit {head}, not {B} any more; "
        "nothing was written, look at that commit and decide again"
    )
    assert gitops_head(world) == head


def test_an_image_that_is_not_in_the_registry_any_more_is_not_gone_back_to(
    world: World, preview, write, tidegate
) -> None:
    write(A, run="the first one")
    head = write(B, source_commit="2" * 40)
    code, said, _ = tidegate("rollback", APPLICATION, "preview", "--to", SHA, "--reason", "why not")

    assert code == 1
    assert said.splitlines()[-1] == ("Failed: preview: the image of commit 1a2b3c4 is not in the registry any more")
    assert gitops_head(world) == head


def wait_for_step(client: SyncPrefectClient, run: UUID, name: str) -> None:
    mine = FlowRunFilter(id=FlowRunFilterId(any_=[run]))
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        steps = client.read_task_runs(flow_run_filter=mine)
        if any(step.name == name and step.state and step.state.is_completed() for step in steps):
            return
        time.sleep(0.1)
    raise TimeoutError(f"the run has not come to '{name}'")


def wait_for_end(client: SyncPrefectClient, run: UUID) -> State:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        state = client.read_flow_run(run).state
        if state.is_final():
            return state
        time.sleep(0.1)
    raise TimeoutError("the run has not ended")


def test_what_was_broken_when_it_was_replaced_is_not_gone_back_to(world: World, tell) -> None:
    works = world.read_environment("production").digest
    _, runs = tell("approve")
    broke = runs["production"].digest
    assert world.read_environment("production").digest == broke != works

    def approve_while_it_is_broken(waiting: Run) -> None:
        world.argocd.faults.of("shop-api-production").degraded = True
        world.wait_for_health("production", "Degraded")
        answer = {"decision": "approve", "approver": "Robin Reviewer", "comment": ""}
        resume_flow_run(waiting.run_id, run_input=answer)

    try:
        _, runs = tell(approve_while_it_is_broken)
    finally:
        world.argocd.faults.of("shop-api-production").degraded = False

    back, promotion = world.read_changes("production")[:2]
    assert runs["production"].state == "Failed"
    assert (promotion.digest, promotion.replaced_unhealthy) == (runs["production"].digest, broke)
    assert (back.digest, back.rollback_of) == (works, promotion.digest)
