"""Who is in a team, and who pushed or merged what is new: read over GitHub's REST API."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.logging import disable_run_logger
from prefect_github import GitHubCredentials
from pydantic import SecretStr

from blocks.github import GitHub
from deployments.sandbox.github.faults import NextAnswer
from deployments.sandbox.github.protocol import create_app
from deployments.sandbox.github.records import Permission
from deployments.sandbox.github.state import GitHubState
from deployments.sandbox.server import serve
from tasks.domain.errors import AccessRefused
from tasks.github.commits import compare
from tasks.github.people import find_pushers, is_in_team, read_newest

REPOSITORY, TEAM = "acme/shop-api", "acme/release"


@pytest.fixture(autouse=True)
def _without_a_run() -> Iterator[None]:
    with disable_run_logger():
        yield


@pytest.fixture
def state(tmp_path: Path) -> GitHubState:
    state = GitHubState(tmp_path / "github")
    state.add_user("acme", token="right-token")
    state.create_repository(REPOSITORY)
    for login in ("ada", "ben", "cleo"):
        state.add_user(login, email=f"{login}@example.org")
        state.grant(REPOSITORY, login, Permission.WRITE)
    state.teams[TEAM] = {"Ada": "active", "ben": "pending"}
    return state


@pytest.fixture
def github(state: GitHubState) -> Iterator[GitHub]:
    with serve(create_app(state)) as url:
        credentials = GitHubCredentials(token=SecretStr("right-token"))
        yield GitHub(api_url=f"{url}/api/v3", web_url=url, credentials=credentials)


def push(state: GitHubState, by: str, name: str, branch: str = "main", message: str = "Change it") -> str:
    files = {name: name}
    return state.commit(REPOSITORY, branch, files, message, author_name=by, author_email=f"{by}@example.org")


@pytest.mark.parametrize(
    ("login", "is_member"),
    [("ada", True), ("ADA", True), ("ben", False), ("cleo", False), ("../../../user", False), ("", False)],
)
def test_only_who_has_joined_a_team_is_in_it(github: GitHub, login: str, is_member: bool) -> None:
    assert is_in_team.fn(github, REPOSITORY, TEAM, login) == is_member


def test_nobody_is_in_a_team_that_is_not_there(github: GitHub) -> None:
    assert not is_in_team.fn(github, REPOSITORY, "acme/nobody", "ada")


def test_a_token_that_may_not_ask_for_members_is_told_the_right_that_it_needs(
    state: GitHubState, github: GitHub
) -> None:
    state.faults.next_answers += [NextAnswer("/api/v3/orgs", 403), NextAnswer("/api/v3/orgs", 403)]
    with pytest.raises(AccessRefused, match="organization members: read"):
        is_in_team.fn(github, REPOSITORY, TEAM, "ada")


def test_everyone_who_pushed_or_merged_something_new_is_found(state: GitHubState, github: GitHub) -> None:
    base = push(state, "cleo", "a")
    pushed = push(state, "ada", "b")
    push(state, "ada", "c", branch="feature")
    state.open_pull_request(REPOSITORY, head="feature", base="main", title="C", author="ada")
    merged = state.merge_pull_request(REPOSITORY, 1, by="ben", method="squash")

    changes = compare.fn(github, REPOSITORY, base, merged)
    shas = {commit.sha for commit in changes.commits}
    assert shas == {pushed, merged}
    assert find_pushers.fn(github, REPOSITORY, "main", base, shas) == {"ada", "ben"}


def test_co_authors_and_committers_are_authors_of_the_change(state: GitHubState, github: GitHub) -> None:
    base = push(state, "cleo", "a")
    head = push(state, "ada", "b", message="Change it\n\nCo-authored-by: Eve <eve@example.org>")
    authors = compare.fn(github, REPOSITORY, base, head).authors
    assert authors >= {"ada", "ada@example.org", "Eve", "eve@example.org"}
    assert not authors & {"cleo", "cleo@example.org"}


def test_without_a_base_the_newest_commits_are_read(state: GitHubState, github: GitHub) -> None:
    shas = [push(state, "ada", name) for name in "abc"]
    assert [commit.sha for commit in read_newest.fn(github, REPOSITORY, shas[1])] == shas[:2]
