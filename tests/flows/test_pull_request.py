"""A pull request is checked and gets its statuses; nothing of it is built, pushed or promoted."""

import time
from collections.abc import Callable

import pytest
from prefect.client.orchestration import get_client
from pydantic import SecretStr
from ruamel.yaml import YAML

from blocks.github import WORK, GitHub
from deployments.demo.play import follow
from deployments.demo.timeline import Run, read_runs
from deployments.sandbox.changes import broken_tests, good_change, sample_files, unsafe_change
from deployments.sandbox.github.conversation import rerequest_check_run, write_comment
from deployments.sandbox.github.own_app import install_own_app
from deployments.sandbox.github.records import Comment
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


def say(world: World, number: int, login: str, text: str) -> Comment:
    comment = write_comment(world.github, REPOSITORY, number, login, text)
    world.github.wait_for_deliveries()
    return comment


def wait_for_answer(comment: Comment) -> list[tuple[str, str]]:
    deadline = time.monotonic() + 90
    while not comment.reactions and time.monotonic() < deadline:
        time.sleep(0.1)
    return comment.reactions


def test_the_code_of_a_stranger_is_run_once_a_maintainer_has_read_just_that_commit(world: World) -> None:
    world.github.add_user("stranger", email="stranger@example.org")
    fork = world.github.fork(REPOSITORY, "stranger").full_name
    who = {"author_name": "Stranger", "author_email": "stranger@example.org"}
    commit = world.github.commit(fork, "idea", sample_files() | good_change(3), "An idea", **who)
    number = world.github.open_pull_request(
        REPOSITORY, head="idea", base="main", title="An idea", author="stranger", fork=fork
    ).number
    with get_client(sync_client=True) as client:
        (asked,) = follow(client, commit, lambda _runs: None, refuse_to_answer)
        assert (asked.flow, asked.state) == ("answer", "Waiting")
        assert world.read_gates(commit).keys() == {"tidegate"}
        assert world.read_gates(commit)["tidegate"].startswith("pending: Waits for a maintainer to read this")
        [comment] = comments_on(world, number)
        assert f"/ok-to-test {commit}" in comment

        assert wait_for_answer(say(world, number, "stranger", f"/ok-to-test {commit}")) == [("confused", "tidegate")]
        assert "stranger may not write to this repository" in comments_on(world, number)[-1]
        assert wait_for_answer(say(world, number, "dana", f"/ok-to-test {'0' * 40}")) == [("confused", "tidegate")]
        assert {run.flow for run in read_runs(client, commit)} == {"answer"}

        assert wait_for_answer(say(world, number, "dana", f"/ok-to-test {commit}")) == [("+1", "tidegate")]
        runs = follow(client, commit, lambda _runs: None, refuse_to_answer)
    assert [run.state for run in runs if run.flow == "integrate"] == ["Checked"]
    assert world.read_gates(commit)["tidegate"].startswith("success: ")
    # The one comment now says what was found.
    assert "### ✓ shop-api: " in comments_on(world, number)[0]


def test_as_an_app_the_checks_have_annotations_and_can_be_asked_for_again(
    world: World, open_pull_request, configure
) -> None:
    own = install_own_app(world.github, "tidegate-app", [REPOSITORY], WORK)
    url, key = world.addresses.github, SecretStr(own.private_key)
    app = GitHub(api_url=f"{url}/api/v3", web_url=url, app_id=own.app.client_id, private_key=key)
    app.save("github-app", overwrite=True)
    settings = YAML(typ="safe", pure=True).load(world.delivery_file)["applications"][APPLICATION]
    configure("applications", **{APPLICATION: settings | {"github": "github-app"}})

    statuses = list(world.github.repositories[REPOSITORY].statuses)
    commit, number = open_pull_request("unsafe", unsafe_change(4))
    with get_client(sync_client=True) as client:
        follow(client, commit, lambda _runs: None, refuse_to_answer)
        checks = {run.name: run for run in world.github.repositories[REPOSITORY].check_runs if run.head_sha == commit}
        assert checks["tidegate"].conclusion == "failure"
        assert {name for name in checks if name != "tidegate"} == {
            f"tidegate/{name}"
            for name in ("lint", "unit-tests", "static-analysis", "security", "coverage", "changed-lines", "findings")
        }
        [annotation] = [one for one in checks["tidegate/findings"].annotations if one["annotation_level"] == "failure"]
        assert (annotation["path"], "S602" in annotation["title"]) == ("shop_api/catalogue.py", True)
        uncovered = {
            (one["path"], one["annotation_level"], one["title"]) for one in checks["tidegate/changed-lines"].annotations
        }
        assert uncovered == {("shop_api/catalogue.py", "warning", "No test runs this line")}
        assert f"/blob/{commit}/shop_api/catalogue.py#L" in comments_on(world, number)[0]
        assert world.github.repositories[REPOSITORY].statuses == statuses

        rerequest_check_run(world.github, REPOSITORY, checks["tidegate/lint"], "dana")
        world.github.wait_for_deliveries()
        runs = follow(client, commit, lambda _runs: None, refuse_to_answer)
    assert sorted((run.flow, run.state) for run in runs) == [
        ("answer", "Started"), ("integrate", "Gates failed"), ("integrate", "Gates failed")
    ]  # fmt: skip
    assert len(comments_on(world, number)) == 1


def test_a_pull_request_is_checked_again_only_so_often(world: World, open_pull_request, configure) -> None:
    settings = YAML(typ="safe", pure=True).load(world.delivery_file)["applications"][APPLICATION]
    quick = settings | {"checks": {"lint": settings["checks"]["lint"]}, "gates": {}, "pull-requests": {"retests": 1}}
    configure("applications", **{APPLICATION: quick})
    commit, number = open_pull_request("again-and-again", good_change(2))
    with get_client(sync_client=True) as client:
        follow(client, commit, lambda _runs: None, refuse_to_answer)
        assert wait_for_answer(say(world, number, "dana", "/retest")) == [("+1", "tidegate")]
        first = follow(client, commit, lambda _runs: None, refuse_to_answer)
        assert wait_for_answer(say(world, number, "dana", "/retest")) == [("confused", "tidegate")]
        runs = follow(client, commit, lambda _runs: None, refuse_to_answer)
    assert (
        "this pull request was checked again once within 1 h; the next /retest is followed from "
        in (comments_on(world, number)[-1])
    )
    assert [run.flow for run in runs].count("integrate") == [run.flow for run in first].count("integrate") == 2


def test_a_draft_starts_nothing_and_neither_does_its_end(world: World, open_pull_request) -> None:
    commit, number = open_pull_request("not-ready-yet", good_change(2), draft=True)
    assert f"pull request {number} is a draft" in world.last_delivery().response_body

    world.github.close_pull_request(REPOSITORY, number, by="dana")
    world.github.wait_for_deliveries()
    assert f"pull request {number} was closed; nothing of it is being checked" in world.last_delivery().response_body

    with get_client(sync_client=True) as client:
        assert read_runs(client, commit) == ()
    assert world.read_gates(commit) == {}
