"""One check for several applications of a repository: it follows each of them, whoever reports last."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from prefect.logging import disable_run_logger
from prefect_github import GitHubCredentials
from pydantic import SecretStr

from blocks.github import WORK, GitHub
from deployments.sandbox.github.own_app import install_own_app
from deployments.sandbox.github.protocol import create_app
from deployments.sandbox.github.records import Permission
from deployments.sandbox.github.state import GitHubState
from deployments.sandbox.server import serve
from tasks.domain.feedback.check import aggregate_report
from tasks.domain.feedback.names import CheckNames
from tasks.domain.feedback.origin import Origin
from tasks.domain.verdict import Verdict, failed, passed, pending
from tasks.github import api, whole_check
from tasks.github.checks import read_statuses
from tasks.github.whole_check import report_aggregate

REPOSITORY = "acme/shop"
SHOP = CheckNames("shop", ("shop", "web"), ("shop", "web"))
WEB = replace(SHOP, application="web")


@pytest.fixture(autouse=True)
def _without_a_run(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # GitHub wants a second between many writes, which the sandbox does not.
    monkeypatch.setattr(api, "_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(whole_check, "_PAUSE_SECONDS", 0.0)
    with disable_run_logger():
        yield


@pytest.fixture
def state(tmp_path: Path) -> GitHubState:
    state = GitHubState(tmp_path / "github")
    state.create_repository(REPOSITORY)
    return state


@pytest.fixture(params=["app", "token"])
def github(request: pytest.FixtureRequest, state: GitHubState) -> Iterator[GitHub]:
    with serve(create_app(state)) as url:
        if request.param == "token":
            state.add_user("tidegate", token="ghp_token")
            state.grant(REPOSITORY, "tidegate", Permission.WRITE)
            credentials = GitHubCredentials(token=SecretStr("ghp_token"))
            yield GitHub(api_url=f"{url}/api/v3", web_url=url, credentials=credentials)
            return
        own = install_own_app(state, "tidegate", [REPOSITORY], WORK)
        key = SecretStr(own.private_key)
        yield GitHub(api_url=f"{url}/api/v3", web_url=url, app_id=own.app.client_id, private_key=key)


@pytest.fixture
def sha(state: GitHubState) -> str:
    return state.commit(REPOSITORY, "main", {"a": "b"}, "One", author_name="Ada", author_email="ada@example.org")


def report(github: GitHub, sha: str, names: CheckNames, verdict: Verdict, run: str = "1") -> Verdict:
    """As a run of integrate does; what all together then say."""
    origin, url = Origin(names.application, 7, run), f"http://127.0.0.1/runs/{names.application}-{run}"
    own = aggregate_report(verdict, name=names.aggregate)
    report_aggregate.fn(github, REPOSITORY, sha, own, names, origin, url)
    return read_statuses.fn(github, REPOSITORY, sha)["tidegate"]


def test_it_is_green_only_while_every_application_is(github: GitHub, sha: str) -> None:
    assert report(github, sha, SHOP, pending("Checking.")) == pending("Waiting for shop, web.")
    assert report(github, sha, WEB, pending("Checking.")) == pending("Waiting for shop, web.")
    assert report(github, sha, SHOP, passed("Good.")) == pending("Waiting for web.")
    assert report(github, sha, WEB, failed("Bad.")) == failed("1 of 2 applications failed: web.")
    # Checked again, while the other one does nothing.
    assert report(github, sha, WEB, pending("Checking."), "2") == pending("Waiting for web.")
    assert report(github, sha, WEB, passed("Good."), "2") == passed("All 2 applications passed.")
    assert report(github, sha, SHOP, pending("Checking."), "2") == pending("Waiting for shop.")
    assert report(github, sha, SHOP, failed("Bad."), "2") == failed("1 of 2 applications failed: shop.")


def test_what_has_said_nothing_is_not_begun_by_a_run_that_was_cancelled(github: GitHub, sha: str) -> None:
    own = aggregate_report(failed("Cancelled."), name=SHOP.aggregate)
    report_aggregate.fn(github, REPOSITORY, sha, own, SHOP, Origin("shop", 7, "1"), "", begins=False)
    assert read_statuses.fn(github, REPOSITORY, sha) == {}


def test_runs_that_report_at_the_same_time_agree_in_the_end(state: GitHubState, github: GitHub, sha: str) -> None:
    def both(first: Verdict, second: Verdict, run: str) -> Verdict:
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda one: report(github, sha, *one, run), [(SHOP, first), (WEB, second)]))
        return read_statuses.fn(github, REPOSITORY, sha)["tidegate"]

    for number in range(3):
        assert both(pending("Checking."), pending("Checking."), f"{number}a") == pending("Waiting for shop, web.")
        assert both(passed("Good."), passed("Good."), f"{number}a") == passed("All 2 applications passed.")
        assert both(failed("Bad."), passed("Good."), f"{number}b") == failed("1 of 2 applications failed: shop.")
    left = [run for run in state.repositories[REPOSITORY].check_runs if run.name == "tidegate"]
    assert all(run.status == "completed" for run in left)
