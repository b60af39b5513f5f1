"""GitHub shows what each environment runs: one deployment a promotion, and the one before it inactive."""

from collections.abc import Iterator
from dataclasses import replace
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
from tasks.domain.feedback.deployment import DeploymentNote, DeploymentState
from tasks.github.deployments import tell_deployment

REPOSITORY = "acme/shop-api"


@pytest.fixture(autouse=True)
def _without_a_run() -> Iterator[None]:
    with disable_run_logger():
        yield


@pytest.fixture
def state(tmp_path: Path) -> GitHubState:
    state = GitHubState(tmp_path / "github")
    state.add_user("acme", token="right-token")
    state.add_user("reader", token="reading-token")
    state.create_repository(REPOSITORY)
    state.grant(REPOSITORY, "reader", Permission.READ)
    return state


@pytest.fixture
def url(state: GitHubState) -> Iterator[str]:
    with serve(create_app(state)) as url:
        yield url


def block(url: str, token: str = "right-token") -> GitHub:
    return GitHub(api_url=f"{url}/api/v3", web_url=url, credentials=GitHubCredentials(token=SecretStr(token)))


@pytest.fixture
def note(state: GitHubState) -> DeploymentNote:
    who = {"author_name": "Ada", "author_email": "ada@example.org"}
    return DeploymentNote(
        application="shop-api",
        environment="production",
        commit=state.commit(REPOSITORY, "main", {"a": "b"}, "One", **who),
        digest="sha256:" + "a" * 64,
        run_id="1",
        run_url="http://127.0.0.1/runs/1",
        environment_url="http://127.0.0.1/shop",
        is_last=True,
    )


def shown(state: GitHubState) -> list[tuple[str, list[str]]]:
    return [(one.environment, [s.state for s in one.statuses]) for one in state.repositories[REPOSITORY].deployments]


def tell(url: str, note: DeploymentNote, state: DeploymentState, said: str = "So it is.") -> None:
    tell_deployment.fn(block(url), REPOSITORY, note, state, said)


def test_a_promotion_is_one_deployment_from_its_beginning_to_its_end(
    state: GitHubState, url: str, note: DeploymentNote
) -> None:
    for step in (DeploymentState.IN_PROGRESS, DeploymentState.IN_PROGRESS, DeploymentState.SUCCESS):
        tell(url, note, step)
    assert shown(state) == [("production", ["in_progress", "success"])]
    [deployment] = state.repositories[REPOSITORY].deployments
    assert (deployment.sha, deployment.production_environment) == (note.commit, True)
    assert deployment.payload == {"digest": note.digest, "run": "1", "application": "shop-api"}
    status = deployment.statuses[-1]
    assert (status.target_url, status.environment_url) == (note.run_url, note.environment_url)


def test_the_release_before_becomes_inactive_once_the_next_one_works(
    state: GitHubState, url: str, note: DeploymentNote
) -> None:
    tell(url, note, DeploymentState.SUCCESS)
    second = replace(note, run_id="2", digest="sha256:" + "b" * 64)
    tell(url, second, DeploymentState.IN_PROGRESS)
    assert shown(state)[0] == ("production", ["success"])
    tell(url, second, DeploymentState.SUCCESS)
    assert shown(state) == [
        ("production", ["success", "inactive"]),
        ("production", ["in_progress", "success"]),
    ]


def test_what_failed_leaves_the_release_before_as_it_is(state: GitHubState, url: str, note: DeploymentNote) -> None:
    tell(url, note, DeploymentState.SUCCESS)
    tell(url, replace(note, run_id="2"), DeploymentState.FAILURE, "x" * 500)
    assert shown(state) == [("production", ["success"]), ("production", ["failure"])]


def test_other_applications_and_environments_are_left_alone(state: GitHubState, url: str, note: DeploymentNote) -> None:
    tell(url, note, DeploymentState.SUCCESS)
    tell(url, replace(note, run_id="2", application="shop-web"), DeploymentState.SUCCESS)
    tell(url, replace(note, run_id="3", environment="canary"), DeploymentState.SUCCESS)
    assert [states for _, states in shown(state)] == [["success"], ["success"], ["success"]]


def test_a_deployment_whose_status_was_lost_is_adopted(state: GitHubState, url: str, note: DeploymentNote) -> None:
    path = f"/api/v3/repos/{REPOSITORY}/deployments/"
    state.faults.next_answers.append(NextAnswer(path, 502, "POST"))
    with pytest.raises(Exception, match="502"):
        tell(url, note, DeploymentState.IN_PROGRESS)
    tell(url, note, DeploymentState.IN_PROGRESS)
    assert shown(state) == [("production", ["in_progress"])]


def test_a_token_that_may_not_is_told_so(url: str, note: DeploymentNote) -> None:
    with pytest.raises(AccessRefused, match="'deployments: write'"):
        tell_deployment.fn(block(url, "reading-token"), REPOSITORY, note, DeploymentState.IN_PROGRESS, "So it is.")
