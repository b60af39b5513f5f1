"""Every flow may run again: what is done already is found and adopted, and the end is the same."""

import pytest
from prefect.client.orchestration import get_client

from deployments.demo.timeline import Run, read_runs
from deployments.sandbox.world import APPLICATION, GITOPS, World


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
