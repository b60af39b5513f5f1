"""Who is asked to review a pull request: by GitHub from CODEOWNERS, else by us; and whose review a branch waits for."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect_github import GitHubCredentials
from pydantic import SecretStr

from blocks.github import GitHub
from blocks.gitops import GitOpsRepository
from deployments.sandbox.github.protocol import create_app
from deployments.sandbox.github.records import Permission, Protection, PullRequest, Repository
from deployments.sandbox.github.state import GitHubState
from deployments.sandbox.server import serve
from tasks.domain.promotion.code_owners import CodeOwners
from tasks.domain.promotion.pull_request import Blocked, Ready, decide_pull_request
from tasks.github.proposals import merge_pull_request, read_pull_request
from tasks.github.reviewers import request_reviews
from tasks.gitops.code_owners import read_code_owners

REPOSITORY, FILE = "acme/gitops", "apps/shop-api/values.yaml"
WHO = {"author_name": "Pat", "author_email": "pat@acme.example"}
OWNERS = "* @pat\n/apps/shop-api/ @ada @tidegate @stranger @acme/platform # the last that matches\n"

pytestmark = pytest.mark.usefixtures("bare_machine")


@pytest.fixture
def state(tmp_path: Path) -> Iterator[GitHubState]:
    state = GitHubState(tmp_path / "github")
    state.create_repository(REPOSITORY)
    for login in ("tidegate", "pat", "ada", "grace"):
        state.add_user(login, token=f"{login}-token", email=f"{login}@acme.example")
        state.grant(REPOSITORY, login, Permission.WRITE)
    state.add_user("stranger")
    state.teams["acme/platform"] = {"grace": "active"}
    state.commit(REPOSITORY, "main", {FILE: "digest: a\n", ".github/CODEOWNERS": OWNERS}, "values", **WHO)
    with serve(create_app(state)) as url:
        state.web_url = url
        yield state


@pytest.fixture
def repository(state: GitHubState) -> Repository:
    return state.repositories[REPOSITORY]


@pytest.fixture
def github(state: GitHubState) -> GitHub:
    credentials = GitHubCredentials(token=SecretStr("tidegate-token"))
    return GitHub(api_url=f"{state.web_url}/api/v3", web_url=state.web_url, credentials=credentials)


@pytest.fixture
def block(state: GitHubState, github: GitHub) -> GitOpsRepository:
    return GitOpsRepository(url=f"{state.web_url}/{REPOSITORY}.git", github=github)


def open_one(state: GitHubState, *, draft: bool = False) -> PullRequest:
    state.commit(REPOSITORY, "next", {FILE: "digest: b\n"}, "Promote", **WHO)
    about = {"head": "next", "base": "main", "title": "Promote", "author": "tidegate"}
    return state.open_pull_request(REPOSITORY, **about, draft=draft)


def asked(github: GitHub, pull: PullRequest) -> tuple[str, ...]:
    return read_pull_request.fn(github, REPOSITORY, pull.number).asked


def test_github_asks_the_owners_in_the_last_line_that_matches_but_not_the_author(
    state: GitHubState, github: GitHub, block: GitOpsRepository
) -> None:
    pull = open_one(state)
    assert asked(github, pull) == ("ada", "platform")
    # So we do not.
    assert request_reviews.fn(github, REPOSITORY, pull.number, CodeOwners(("pat",))) == ""
    assert asked(github, pull) == ("ada", "platform")


def test_github_asks_nobody_about_a_draft(state: GitHubState, github: GitHub) -> None:
    assert asked(github, open_one(state, draft=True)) == ()


def test_where_github_does_not_ask_we_do(
    state: GitHubState, repository: Repository, github: GitHub, block: GitOpsRepository
) -> None:
    repository.has_code_owners = False
    pull = open_one(state)
    owners = read_code_owners.fn(block, FILE)
    assert owners == CodeOwners(("ada", "tidegate", "stranger"), ("acme/platform",))
    refused = request_reviews.fn(github, REPOSITORY, pull.number, owners)
    assert "(422): Reviews may only be requested from collaborators." in refused
    assert asked(github, pull) == ()
    assert request_reviews.fn(github, REPOSITORY, pull.number, CodeOwners(("ada", "Tidegate"), owners.teams)) == ""
    assert asked(github, pull) == ("ada", "platform")


def test_who_has_reviewed_it_is_not_asked_again(state: GitHubState, repository: Repository, github: GitHub) -> None:
    repository.has_code_owners = False
    pull = open_one(state)
    state.review_pull_request(REPOSITORY, pull.number, by="ada", state="CHANGES_REQUESTED")
    assert request_reviews.fn(github, REPOSITORY, pull.number, CodeOwners(("ada",))) == ""
    assert asked(github, pull) == ()


def test_a_branch_without_code_owners_has_none(
    state: GitHubState, github: GitHub, block: GitOpsRepository, repository: Repository
) -> None:
    state.commit(REPOSITORY, "main", {".github/CODEOWNERS": None}, "nobody", **WHO)
    assert read_code_owners.fn(block, FILE) == CodeOwners()
    pull = open_one(state)
    assert request_reviews.fn(github, REPOSITORY, pull.number, CodeOwners()) == ""
    assert asked(github, pull) == ()


@pytest.mark.parametrize("owner", ["ada", "grace"])
def test_a_branch_that_wants_its_owners_waits_for_one_of_them(
    state: GitHubState, repository: Repository, github: GitHub, owner: str
) -> None:
    """Pat may review, but is no owner of this file; Grace is in the team that is."""
    repository.protection = Protection(reviews=1, code_owners=True)
    pull = open_one(state)
    state.review_pull_request(REPOSITORY, pull.number, by="pat")
    seen = read_pull_request.fn(github, REPOSITORY, pull.number)
    waits = decide_pull_request(seen)
    assert isinstance(waits, Blocked)
    assert "approved so far by pat; asked are ada, platform" in waits.reason
    refused = merge_pull_request.fn(github, REPOSITORY, pull.number, seen.head, method="squash", title="t", message="m")
    owners = "ada and/or tidegate and/or stranger and/or acme/platform"
    assert refused == Blocked(f"Waiting on code owner review from {owners}.")
    state.review_pull_request(REPOSITORY, pull.number, by=owner)
    assert decide_pull_request(read_pull_request.fn(github, REPOSITORY, pull.number)) == Ready()
