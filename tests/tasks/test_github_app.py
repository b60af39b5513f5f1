"""As a GitHub App: a signature of its own, narrow tokens that are renewed in time, and refusals in a sentence."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.logging import disable_run_logger
from pydantic import SecretStr, ValidationError

from blocks.github import READ, WORK, GitHub
from blocks.github_app import GitHubApp
from deployments.sandbox.github.own_app import OwnApp, install_own_app
from deployments.sandbox.github.protocol import create_app
from deployments.sandbox.github.records import Permission
from deployments.sandbox.github.state import GitHubState
from deployments.sandbox.server import serve
from tasks.domain.errors import AccessRefused
from tasks.domain.feedback.check import aggregate_report
from tasks.domain.feedback.origin import Origin
from tasks.domain.verdict import passed
from tasks.github.access import missing_access
from tasks.github.checks import report_checks
from tasks.github.commits import read_head
from tasks.source.checkout import head_of

REPOSITORY = "acme/shop-api"


@pytest.fixture(autouse=True)
def _without_a_run() -> Iterator[None]:
    with disable_run_logger():
        yield


@pytest.fixture
def state(tmp_path: Path) -> GitHubState:
    state = GitHubState(tmp_path / "github")
    for name in (REPOSITORY, "acme/other"):
        state.create_repository(name)
    return state


@pytest.fixture
def own(state: GitHubState) -> OwnApp:
    return install_own_app(state, "tidegate", [REPOSITORY], WORK)


def block(url: str, own: OwnApp) -> GitHub:
    key = SecretStr(own.private_key)
    return GitHub(api_url=f"{url}/api/v3", web_url=url, app_id=own.app.client_id, private_key=key)


@pytest.fixture
def github(state: GitHubState, own: OwnApp) -> Iterator[GitHub]:
    with serve(create_app(state)) as url:
        yield block(url, own)


@pytest.fixture
def sha(state: GitHubState) -> str:
    return state.commit(REPOSITORY, "main", {"a": "b"}, "One", author_name="Ada", author_email="ada@example.org")


def test_a_token_is_for_one_repository_and_few_rights_and_used_again(
    state: GitHubState, github: GitHub, sha: str
) -> None:
    for _ in range(3):
        assert read_head.fn(github, REPOSITORY, "main") == sha
    [token] = state.app_tokens()
    assert token.repositories == {REPOSITORY}
    assert token.rights == {
        "metadata": "read", "contents": "read", "checks": "write", "pull_requests": "write", "deployments": "write"
    }  # fmt: skip


def test_git_gets_a_token_that_can_only_read(state: GitHubState, github: GitHub, sha: str, tmp_path: Path) -> None:
    assert head_of.fn(github, REPOSITORY, "main") == sha
    [token] = state.app_tokens()
    assert token.rights == {"metadata": "read", **READ}
    push = ["git", "push", github.clone_url(REPOSITORY), "main:other"]
    clone = ["git", "clone", "-q", github.clone_url(REPOSITORY), "clone"]
    environment = github.git_environment(REPOSITORY)
    subprocess.run(clone, cwd=tmp_path, env=environment, check=True, timeout=60)
    refused = subprocess.run(
        push, cwd=tmp_path / "clone", env=environment, check=False, capture_output=True, timeout=60
    )
    assert refused.returncode != 0
    assert state.repositories[REPOSITORY].git.head("other") is None


def test_a_token_that_ends_soon_is_not_begun_with(state: GitHubState, github: GitHub, sha: str) -> None:
    state.token_seconds = 299
    read_head.fn(github, REPOSITORY, "main")
    read_head.fn(github, REPOSITORY, "main")
    assert len(state.app_tokens()) == 2


def test_a_token_that_expires_in_mid_run_is_renewed_and_the_request_repeated(
    state: GitHubState, github: GitHub, sha: str
) -> None:
    with github.get_client(REPOSITORY) as client:
        assert client.get(f"/repos/{REPOSITORY}").is_success
        state.expire_app_tokens()
        body = {"name": "tidegate", "head_sha": sha}
        assert client.post(f"/repos/{REPOSITORY}/check-runs", json=body).status_code == 201
    assert len(state.app_tokens()) == 2
    assert [run.name for run in state.repositories[REPOSITORY].check_runs] == ["tidegate"]


def test_a_fresh_token_that_is_not_known_everywhere_yet_is_waited_for(
    state: GitHubState, github: GitHub, sha: str
) -> None:
    state.faults.unknown_tokens = 2
    assert read_head.fn(github, REPOSITORY, "main") == sha
    assert len(state.app_tokens()) == 1


def test_the_installation_may_be_given_by_its_id(state: GitHubState, github: GitHub, sha: str) -> None:
    given = github.model_copy(update={"installation_id": state.installations[0].id})
    assert read_head.fn(given, REPOSITORY, "main") == sha
    unknown = github.model_copy(update={"installation_id": 4})
    with pytest.raises(AccessRefused, match=r"GitHub knows no /app/installations/4 of App .*; correct the App's"):
        read_head.fn(unknown, REPOSITORY, "main")


def test_a_key_of_another_app_is_said_without_the_key(state: GitHubState, github: GitHub, own: OwnApp) -> None:
    other = github.model_copy(update={"app_id": "12"})
    with pytest.raises(AccessRefused, match=r"GitHub does not accept the key of App 12 .* give the private key") as no:
        missing_access(other, [REPOSITORY])
    assert "PRIVATE" not in str(no.value)


def test_an_app_that_is_not_installed_is_said(github: GitHub, own: OwnApp) -> None:
    with pytest.raises(
        AccessRefused, match=f"App {own.app.client_id} is not installed on acme/other; install it there"
    ):
        missing_access(github, [REPOSITORY, "acme/other"])
    with pytest.raises(AccessRefused, match="is not installed on acme/other"):
        head_of.fn(github, "acme/other", "main")


def test_a_suspended_app_is_said(state: GitHubState, github: GitHub) -> None:
    state.installations[0].is_suspended = True
    with pytest.raises(AccessRefused, match=r"\(403\): This installation has been suspended; look at the App's"):
        read_head.fn(github, REPOSITORY, "main")


def test_a_permission_that_is_missing_is_named_and_fails_only_what_needs_it(state: GitHubState, sha: str) -> None:
    poor = install_own_app(
        state, "poor", [REPOSITORY], {"contents": "read", "pull_requests": "write", "checks": "read"}
    )
    with serve(create_app(state)) as url:
        github = block(url, poor)
        assert missing_access(github, [REPOSITORY]) == (
            f"GitHub App poor lacks the permission 'checks: write' on {REPOSITORY}; give it, and accept it there",
            f"GitHub App poor lacks the permission 'deployments: write' on {REPOSITORY}; give it, and accept it there",
        )
        assert read_head.fn(github, REPOSITORY, "main") == sha
        origin = Origin("shop-api", None, "1")
        with pytest.raises(AccessRefused, match="'checks: write'"):
            report_checks.fn(github, REPOSITORY, sha, (aggregate_report(passed("Fine.")),), origin, url)


def test_all_is_well_where_nothing_is_missing(state: GitHubState, github: GitHub) -> None:
    assert missing_access(github, [REPOSITORY, REPOSITORY]) == ()


def test_a_token_that_cannot_see_or_write_is_told(state: GitHubState) -> None:
    state.add_user("reader", token="reading-token")
    state.grant(REPOSITORY, "reader", Permission.READ)
    with serve(create_app(state)) as url:
        github = GitHub.model_validate({"api_url": f"{url}/api/v3", "credentials": {"token": "reading-token"}})
        reads, unseen = missing_access(github, [REPOSITORY, "acme/nothing"])
    assert (
        reads == f"GitHub's token may only read {REPOSITORY}; give its owner the right to write commit statuses there"
    )
    assert "shows nothing at" in unseen


@pytest.mark.parametrize("iss", ["12", ""])
def test_the_stand_in_takes_no_signature_for_another_app(github: GitHub, own: OwnApp, iss: str) -> None:
    assert GitHubApp(github.api_url, own.app.client_id, own.private_key).describe()["slug"] == "tidegate"
    with pytest.raises(Exception, match="A JSON web token could not be decoded"):
        GitHubApp(github.api_url, iss, own.private_key).describe()


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"app_id": "1"}, "the id of the App and its private key go together"),
        ({"app_id": "1", "private_key": "hunter2"}, "is not an RSA private key in PEM"),
        ({}, "neither a token nor an App is given"),
    ],
)
def test_a_block_without_whole_credentials_cannot_be_made(fields: dict[str, str], says: str) -> None:
    with pytest.raises(ValidationError, match=says) as problem:
        GitHub.model_validate(fields)
    assert "hunter2" not in str(problem.value)


def test_the_key_may_stand_in_one_line(own: OwnApp) -> None:
    block = GitHub(app_id="1", private_key=SecretStr(own.private_key.replace("\n", "\\n")))
    assert block.app is not None
    assert block.app.private_key == own.private_key
