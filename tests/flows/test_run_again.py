"""Every flow may run again: what is done already is found and adopted, and the end is the same."""

from pathlib import Path

import pytest
from prefect import flow
from prefect.client.orchestration import get_client

from deployments.demo.timeline import Run, read_runs
from deployments.sandbox.world import APPLICATION, GITOPS, World
from flows.integration.earlier import find_earlier
from flows.places.workshop import load_workshop
from tasks.domain.gates.baseline import Baseline


@pytest.fixture(scope="module")
def delivered(world: World, tell) -> tuple[str, dict[str, Run]]:
    """A commit that went all the way, and its runs by environment."""
    return tell("approve")


def gitops_head(world: World) -> str | None:
    return world.github.repositories[GITOPS].git.head("main")


def test_what_is_verified_is_verified_again_without_a_second_commit_or_approval(world: World, delivered, start) -> None:
    commit, runs = delivered
    before = gitops_head(world)
    for environment in ("staging", "production"):
        digest = runs[environment].digest
        ended = start("promote", application=APPLICATION, environment=environment, commit=commit, digest=digest)
        assert (ended.name, ended.message) == ("Verified", runs[environment].message)
    assert gitops_head(world) == before


def test_an_integration_that_is_repeated_adopts_the_image(world: World, delivered, start) -> None:
    commit, runs = delivered
    before = gitops_head(world), world.registry.tags(APPLICATION)
    ended = start("integrate", application=APPLICATION, commit=commit)

    digest = world.find_digest(commit)
    assert ended.name == "Integrated"
    assert ended.message == f"{APPLICATION} {commit[:7]}: staging has {digest[7:19]} already"
    assert digest == runs["staging"].digest
    assert (gitops_head(world), world.registry.tags(APPLICATION)) == before
    with get_client(sync_client=True) as client:
        integrations = [run for run in read_runs(client, commit) if run.flow == "integrate"]
    built = [[step.phase for step in run.steps].count("build") for run in integrations]
    assert built == [1, 0]
    assert world.read_gates(commit)["tidegate"].startswith("success: ")


@flow
def look_before(*commits: str) -> Baseline | None:
    return find_earlier(load_workshop(APPLICATION), commits)


def test_another_worker_knows_from_the_image_what_was_found_before(
    delivered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, _ = delivered
    known = look_before(commit)
    assert known.coverage
    monkeypatch.setenv("TIDEGATE_CACHE", str(tmp_path / "of-another-worker"))
    # The commit before it all has no image that anybody has signed.
    assert look_before("0" * 40, commit, "f" * 40) == known
    assert look_before("f" * 40) is None
