"""A branch that is merged by GitHub's merge queue only, over HTTP: put in, followed, merged or thrown out."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prefect_github import GitHubCredentials
from pydantic import SecretStr

from blocks.github import GitHub
from deployments.sandbox.github.protocol import create_app
from deployments.sandbox.github.records import Permission, Protection, PullRequest, Repository
from deployments.sandbox.github.state import GitHubState
from deployments.sandbox.server import serve
from tasks.domain.errors import AccessRefused
from tasks.domain.promotion.pull_request import Blocked, InQueue, Merged, Ready, ThrownOut, decide_pull_request
from tasks.github.graphql import endpoint
from tasks.github.merge_queue import read_queue
from tasks.github.proposals import merge_pull_request, read_pull_request

REPOSITORY = "acme/gitops"
WHO = {"author_name": "Pat", "author_email": "pat@acme.example"}

pytestmark = pytest.mark.usefixtures("bare_machine")


@pytest.fixture
def state(tmp_path: Path) -> Iterator[GitHubState]:
    state = GitHubState(tmp_path / "github")
    state.create_repository(REPOSITORY)
    for login in ("tidegate", "pat"):
        state.add_user(login, token=f"{login}-token", email=f"{login}@acme.example")
        state.grant(REPOSITORY, login, Permission.WRITE)
    state.commit(REPOSITORY, "main", {"values.yaml": "digest: a\n"}, "values", **WHO)
    with serve(create_app(state)) as url:
        state.web_url = url
        yield state


@pytest.fixture
def repository(state: GitHubState) -> Repository:
    found = state.repositories[REPOSITORY]
    found.protection = Protection(merge_queue=True)
    return found


@pytest.fixture
def pull(state: GitHubState, repository: Repository) -> PullRequest:
    state.commit(REPOSITORY, "next", {"values.yaml": "digest: b\n"}, "Promote", **WHO)
    return state.open_pull_request(REPOSITORY, head="next", base="main", title="Promote", author="tidegate")


@pytest.fixture
def github(state: GitHubState) -> GitHub:
    credentials = GitHubCredentials(token=SecretStr("tidegate-token"))
    return GitHub(api_url=f"{state.web_url}/api/v3", web_url=state.web_url, credentials=credentials)


def merge(github: GitHub, pull: PullRequest, head: str = "") -> Merged | InQueue | Blocked:
    head = head or pull.head_sha
    return merge_pull_request.fn(github, REPOSITORY, pull.number, head, method="squash", title="t", message="m")


@pytest.mark.parametrize(
    ("rest", "graphql"),
    [
        ("https://api.github.com", "https://api.github.com/graphql"),
        ("https://api.acme.ghe.com/", "https://api.acme.ghe.com/graphql"),
        ("https://github.acme.example/api/v3", "https://github.acme.example/api/graphql"),
    ],
)
def test_graphql_is_beside_the_rest_api(rest: str, graphql: str) -> None:
    with httpx.Client(base_url=rest) as client:
        assert str(endpoint(client.base_url)) == graphql


def test_where_a_direct_merge_is_refused_it_goes_into_the_queue_and_stays_there_when_repeated(
    github: GitHub, repository: Repository, pull: PullRequest
) -> None:
    assert decide_pull_request(read_pull_request.fn(github, REPOSITORY, pull.number)) == Ready()
    assert merge(github, pull) == InQueue(1, "AWAITING_CHECKS")
    assert isinstance(merge(github, pull), InQueue)
    assert [entry.pull for entry in repository.merge_queue] == [pull]
    assert (read_queue.fn(github, REPOSITORY, pull.number), pull.state) == (InQueue(1, "AWAITING_CHECKS"), "open")


def test_its_place_in_the_queue_is_told(
    state: GitHubState, github: GitHub, repository: Repository, pull: PullRequest
) -> None:
    state.commit(REPOSITORY, "other", {"other.yaml": "x: 1\n"}, "Other", **WHO)
    other = state.open_pull_request(REPOSITORY, head="other", base="main", title="Other", author="pat")
    merge(github, other)
    merge(github, pull)
    assert read_queue.fn(github, REPOSITORY, pull.number) == InQueue(2, "AWAITING_CHECKS")
    state.finish_queued(REPOSITORY, other.number)
    assert read_queue.fn(github, REPOSITORY, pull.number) == InQueue(1, "AWAITING_CHECKS")


def test_what_the_queue_merges_is_seen_as_merged(state: GitHubState, github: GitHub, pull: PullRequest) -> None:
    merge(github, pull)
    state.finish_queued(REPOSITORY, pull.number)
    seen = decide_pull_request(read_pull_request.fn(github, REPOSITORY, pull.number))
    assert isinstance(seen, Merged)
    assert seen.commit == state.repositories[REPOSITORY].git.head("main")
    assert read_queue.fn(github, REPOSITORY, pull.number) == ThrownOut("merged")


def test_what_is_thrown_out_says_why_and_may_be_put_in_again(
    state: GitHubState, github: GitHub, pull: PullRequest
) -> None:
    merge(github, pull)
    state.finish_queued(REPOSITORY, pull.number, thrown_out="failed checks")
    assert read_queue.fn(github, REPOSITORY, pull.number) == ThrownOut("failed checks")
    assert merge(github, pull) == InQueue(1, "AWAITING_CHECKS")


def test_what_may_not_be_in_the_queue_is_blocked_in_github_s_words(
    github: GitHub, repository: Repository, pull: PullRequest
) -> None:
    assert merge(github, pull, head="f" * 40) == Blocked(
        "Pull request Head branch was modified. Review and try the merge again."
    )
    repository.protection = Protection(merge_queue=True, reviews=1)
    assert merge(github, pull) == Blocked(
        "Pull request At least 1 approving review is required by reviewers with write access."
    )
    assert repository.merge_queue == []


def test_what_github_does_not_show_us_is_a_missing_right(github: GitHub, pull: PullRequest) -> None:
    with pytest.raises(AccessRefused, match="give the token the right 'pull requests: write"):
        read_queue.fn(github, "acme/unknown", pull.number)


def test_the_sandbox_knows_no_query_that_github_s_schema_does_not(state: GitHubState, pull: PullRequest) -> None:
    asked = {
        "query": "mutation { enqueuePullRequest(input: {pullRequestId: 1, mergeMethod: SQUASH}) { clientMutationId } }"
    }
    headers = {"Authorization": "Bearer tidegate-token"}
    said = httpx.post(f"{state.web_url}/api/graphql", json=asked, headers=headers).raise_for_status().json()
    assert "mergeMethod" in said["errors"][0]["message"]
    assert httpx.post(f"{state.web_url}/api/graphql", json=asked).status_code == 401
