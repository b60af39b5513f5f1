"""The nightly rebuild: what comes out the same stays, what differs goes on, and one failure stops nobody."""

import json
from typing import Any

import pytest
from prefect.artifacts import Artifact
from prefect.client.orchestration import get_client
from prefect.flow_runs import resume_flow_run
from ruamel.yaml import YAML

from deployments.demo.play import follow
from deployments.demo.timeline import Run
from deployments.sandbox.engines import build_and_push, context_of
from deployments.sandbox.world import APPLICATION, GITOPS, World


@pytest.fixture(scope="module")
def commit(world: World, tell) -> str:
    """The head of the mainline, which staging runs."""
    pushed, runs = tell("reject")
    assert runs["staging"].state == "Verified"
    return pushed


@pytest.fixture
def settings(world: World) -> dict[str, Any]:
    """The application's delivery configuration."""
    return YAML(typ="safe", pure=True).load(world.delivery_file)["applications"][APPLICATION]


@pytest.fixture
def newer_base(world: World, settings) -> str:
    """Another base image, as if its maintainers had updated it."""
    older, name = settings["build"]["arguments"]["BASE"], f"{registry_host(world)}/base/python"
    dockerfile = f"FROM {older}\nENV UPDATED=today\n"
    digest = build_and_push(world.addresses.engine, f"{name}:newer", context_of({"Dockerfile": dockerfile}), {})
    return f"{name}@{digest}"


@pytest.fixture(autouse=True)
def a_new_day(world: World, commit: str) -> None:
    """Without the rebuild that another test has left behind."""
    for tag in rebuilds(world, commit):
        world.registry.delete_manifest(APPLICATION, tag)


def registry_host(world: World) -> str:
    return world.addresses.registry.removeprefix("http://")


def rebuilds(world: World, commit: str) -> list[str]:
    return [tag for tag in world.registry.tags(APPLICATION) if tag.startswith(f"{commit}-")]


def gitops_head(world: World) -> str | None:
    return world.github.repositories[GITOPS].git.head("main")


def read_table() -> dict[str, dict[str, str]]:
    return {row["application"]: row for row in json.loads(Artifact.get("nightly").data)}


def reject(waiting: Run) -> None:
    resume_flow_run(waiting.run_id, run_input={"decision": "reject", "approver": "Robin Reviewer"})


def test_what_is_rebuilt_the_same_is_not_promoted(world: World, commit: str, start) -> None:
    if not world.builder.startswith("the sandbox's own engine"):
        pytest.skip("a Docker engine notes the time in the image, so that a rebuild always has another digest")
    before = gitops_head(world)
    ended = start("nightly")

    assert (ended.name, ended.message) == ("Completed", "1 of 1 applications were rebuilt")
    # What came out the same is not pushed under a second name.
    assert rebuilds(world, commit) == []
    digest = world.find_digest(commit)
    said = f"{APPLICATION} {commit[:7]}: staging has {digest.removeprefix('sha256:')[:12]} already"
    assert read_table() == {APPLICATION: {"application": APPLICATION, "outcome": "Integrated", "what": said}}
    assert gitops_head(world) == before


def test_a_rebuild_that_is_there_is_adopted(world: World, commit: str, start) -> None:
    start("nightly")
    with get_client(sync_client=True) as client:
        follow(client, commit, lambda _runs: None, reject)
    before = gitops_head(world), world.registry.tags(APPLICATION)
    start("nightly")

    assert (gitops_head(world), world.registry.tags(APPLICATION)) == before
    assert "already" in read_table()[APPLICATION]["what"]


def test_a_newer_base_image_goes_to_staging_whatever_happens_to_others(
    world: World, commit: str, start, configure, settings, newer_base: str
) -> None:
    rebased = settings | {"build": {"arguments": {"BASE": newer_base}}}
    gone, locked_out = settings | {"branch": "gone"}, settings | {"github": "never-registered"}
    configure("applications", **{"without-branch": gone, "without-block": locked_out, APPLICATION: rebased})
    ended = start("nightly")
    with get_client(sync_client=True) as client:
        runs = follow(client, commit, lambda _runs: None, reject)

    assert (ended.type.value, ended.message) == (
        "FAILED",
        "1 of 3 applications were rebuilt; look at without-branch, without-block",
    )
    (tag,) = rebuilds(world, commit)
    digest = world.find_digest(tag)
    assert digest not in {None, world.find_digest(commit)}
    assert {run.environment: run.state for run in runs if run.digest == digest} == {
        "staging": "Verified",
        "production": "Rejected",
    }
    change = world.read_changes("staging")[0]
    assert (change.digest, change.source_commit) == (digest, commit)
    assert world.read_environment("staging").digest == digest
    table = read_table()
    assert {name: row["outcome"] for name, row in table.items()} == {
        "without-branch": "Failed",
        "without-block": "Failed",
        APPLICATION: "Integrated",
    }
    assert table["without-branch"]["what"] == ("acme/shop-api has no branch 'gone'; correct the application's branch")
    assert "/never-registered is not there; set its variables" in table["without-block"]["what"]
    assert f"{digest.removeprefix('sha256:')[:12]} goes to staging" in table[APPLICATION]["what"]
