"""Commit statuses are set once, read as verdicts, and refused in a sentence that names the right."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prefect.logging import disable_run_logger
from prefect.states import Failed
from prefect_github import GitHubCredentials
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from blocks.github import GitHub
from deployments.sandbox.github.faults import NextAnswer
from deployments.sandbox.github.protocol import create_app
from deployments.sandbox.github.records import Permission
from deployments.sandbox.github.state import GitHubState
from deployments.sandbox.server import serve
from tasks.domain.errors import AccessRefused, ConfigurationError, DeliveryError, EvidenceMissing, Unreachable
from tasks.domain.feedback.check import CheckReport
from tasks.domain.feedback.origin import Origin
from tasks.domain.verdict import Verdict, failed, passed, pending
from tasks.github.checks import read_statuses, report_checks
from tasks.github.commits import read_head
from tasks.retry import rate_limit_wait, worth_retrying

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
def github(state: GitHubState) -> Iterator[GitHub]:
    with serve(create_app(state)) as url:
        yield block(url, "right-token")


@pytest.fixture
def sha(state: GitHubState) -> str:
    return state.commit(REPOSITORY, "main", {"a": "b"}, "One", author_name="Ada", author_email="ada@example.org")


def block(url: str, token: str) -> GitHub:
    credentials = GitHubCredentials(token=SecretStr(token))
    return GitHub(api_url=f"{url}/api/v3", web_url=url, credentials=credentials)


def say(github: GitHub, commit: str, name: str, verdict: Verdict, *, url: str = "http://127.0.0.1/run") -> None:
    report_checks.fn(github, REPOSITORY, commit, (CheckReport(name, verdict),), Origin("shop-api", None, "1"), url)


def test_a_status_is_read_back_as_the_verdict_that_was_set(github: GitHub, sha: str) -> None:
    say(github, sha, "tidegate/lint", passed("Fine."), url="http://127.0.0.1/run")
    say(github, sha, "tidegate/tests", failed("1 of 3 tests failed."))
    say(github, sha, "tidegate", pending("Waiting."))
    assert read_statuses.fn(github, REPOSITORY, sha) == {
        "tidegate/lint": passed("Fine."),
        "tidegate/tests": failed("1 of 3 tests failed."),
        "tidegate": pending("Waiting."),
    }


def test_the_newest_status_counts_and_saying_it_again_adds_none(state: GitHubState, github: GitHub, sha: str) -> None:
    for verdict in (pending("Waiting."), passed("Fine."), passed("Fine.")):
        say(github, sha, "tidegate", verdict, url="http://127.0.0.1/run")
    assert [status.state for status in state.repositories[REPOSITORY].statuses] == ["pending", "success"]
    assert read_statuses.fn(github, REPOSITORY, sha) == {"tidegate": passed("Fine.")}
    # A new run of the same commit has another address.
    say(github, sha, "tidegate", passed("Fine."), url="http://127.0.0.1/other")
    assert state.repositories[REPOSITORY].statuses[-1].target_url == "http://127.0.0.1/other"


def test_a_long_reason_is_cut_to_what_github_takes_and_still_set_only_once(
    state: GitHubState, github: GitHub, sha: str
) -> None:
    for _ in range(2):
        say(github, sha, "tidegate", failed("x" * 500))
    [status] = state.repositories[REPOSITORY].statuses
    assert status.description == "x" * 139 + "…"


def test_statuses_beyond_one_page_are_read_too(github: GitHub, sha: str) -> None:
    for number in range(101):
        with github.get_client() as client:
            body = {"state": "error", "context": f"c{number}"}
            client.post(f"/repos/{REPOSITORY}/statuses/{sha}", json=body).raise_for_status()
    statuses = read_statuses.fn(github, REPOSITORY, sha)
    assert len(statuses) == 101
    assert statuses["c100"] == failed("")


def test_a_status_that_somebody_else_wrote_is_no_evidence_and_not_taken_for_ours(
    state: GitHubState, github: GitHub, sha: str
) -> None:
    state.add_user("writer", token="writing-token")
    state.grant(REPOSITORY, "writer", Permission.WRITE)
    say(block(github.web_url, "writing-token"), sha, "tidegate", passed("All 7 gates passed."))
    assert read_statuses.fn(github, REPOSITORY, sha) == {}
    say(github, sha, "tidegate", passed("All 7 gates passed."))
    assert [status.creator.login for status in state.repositories[REPOSITORY].statuses] == ["writer", "acme"]
    assert read_statuses.fn(github, REPOSITORY, sha) == {"tidegate": passed("All 7 gates passed.")}


def test_what_was_read_before_is_not_counted_while_it_is_unchanged(
    state: GitHubState, github: GitHub, sha: str
) -> None:
    def used() -> int:
        return int(state.rate_limit.headers("Bearer right-token")["X-RateLimit-Used"])

    assert read_head.fn(github, REPOSITORY, "main") == sha
    before = used()
    assert [read_head.fn(github, REPOSITORY, "main") for _ in range(5)] == [sha] * 5
    assert used() == before
    newer = state.commit(REPOSITORY, "main", {"a": "c"}, "Two", author_name="Ada", author_email="ada@example.org")
    assert read_head.fn(github, REPOSITORY, "main") == newer


def test_many_writes_go_out_a_second_apart(github: GitHub, sha: str, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr("tasks.github.api.time.sleep", waited.append)
    reports = tuple(CheckReport(f"tidegate/{number}", passed("Fine.")) for number in range(40))
    report_checks.fn(github, REPOSITORY, sha, reports, Origin("shop-api", None, "1"), "http://127.0.0.1/run")
    assert len(waited) >= 10
    assert all(0 < seconds <= 1 for seconds in waited)


def test_the_head_of_a_branch_is_its_newest_commit(github: GitHub, sha: str) -> None:
    assert read_head.fn(github, REPOSITORY, "main") == sha


def test_a_token_that_may_only_read_is_told_which_right_is_missing(github: GitHub, sha: str) -> None:
    reader = block(github.web_url, "reading-token")
    assert read_statuses.fn(reader, REPOSITORY, sha) == {}
    with pytest.raises(AccessRefused, match=r"403.*'commit statuses: write'"):
        say(reader, sha, "tidegate", passed("Fine."))


@pytest.mark.parametrize(
    ("token", "repository", "says"),
    [("wrong-token", REPOSITORY, "does not know the token"), ("right-token", "acme/nothing", "shows nothing at")],
)
def test_a_refusal_is_a_sentence_without_the_token(
    github: GitHub, sha: str, token: str, repository: str, says: str
) -> None:
    refused = block(github.web_url, token)
    for ask in (lambda: read_head.fn(refused, repository, "main"), lambda: read_statuses.fn(refused, repository, sha)):
        with pytest.raises(AccessRefused, match=says) as refusal:
            ask()
        assert token not in str(refusal.value)


def test_a_commit_that_github_does_not_know_is_said(github: GitHub, sha: str) -> None:
    with pytest.raises(EvidenceMissing, match=f"^{REPOSITORY} has no commit {'0' * 40}; push it, or give one that was"):
        say(github, "0" * 40, "tidegate", passed("Fine."))


def test_a_5xx_is_left_to_the_task_s_retries_which_change_nothing_twice(
    state: GitHubState, github: GitHub, sha: str
) -> None:
    state.faults.next_answers.append(NextAnswer(f"/api/v3/repos/{REPOSITORY}/statuses", 502))
    with pytest.raises(httpx.HTTPStatusError) as problem:
        say(github, sha, "tidegate", passed("Fine."))
    assert worth_retrying(None, None, Failed(data=problem.value))
    say(github, sha, "tidegate", passed("Fine."))
    assert len(state.repositories[REPOSITORY].statuses) == 1


def test_a_limit_that_ends_soon_is_waited_for(github: GitHub) -> None:
    answers = [
        Response(status_code=403, headers={"Retry-After": "0"}),
        Response(status_code=429, headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"}),
        JSONResponse({"object": {"sha": "a" * 40}}),
    ]
    route = Route("/api/v3/repos/acme/shop-api/git/ref/heads/main", lambda _: answers.pop(0))
    with serve(Starlette(routes=[route])) as url:
        assert read_head.fn(block(url, "right-token"), REPOSITORY, "main") == "a" * 40


def test_a_limit_that_lasts_is_said_at_once(state: GitHubState, github: GitHub, sha: str) -> None:
    state.faults.retry_after = 3000
    with pytest.raises(DeliveryError, match="limits our requests for another 3000 s"):
        read_statuses.fn(github, REPOSITORY, sha)


def test_a_repository_that_was_renamed_is_a_mistake_in_the_configuration() -> None:
    def moved(request: Request) -> Response:
        return RedirectResponse("/api/v3/repositories/1", 301)

    with (
        serve(Starlette(routes=[Route("/{path:path}", moved)])) as url,
        pytest.raises(ConfigurationError, match="moved"),
    ):
        read_head.fn(block(url, "right-token"), REPOSITORY, "main")


def test_a_next_page_on_another_server_is_not_followed_with_the_token() -> None:
    asked: list[str] = []

    def elsewhere(request: Request) -> Response:
        asked.append(request.url.path)
        return JSONResponse([])

    with serve(Starlette(routes=[Route("/{path:path}", elsewhere)])) as other:

        def page(request: Request) -> Response:
            if request.url.path.endswith("/user"):
                return JSONResponse({"login": "acme"})
            return JSONResponse([], headers={"Link": f'<{other}/next>; rel="next"'})

        with serve(Starlette(routes=[Route("/{path:path}", page)])) as url:
            assert read_statuses.fn(block(url, "right-token"), REPOSITORY, "a" * 40) == {}
    assert asked == []


def limited(status: int, text: str = "", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, text=text, headers=named)


@pytest.mark.parametrize(
    ("response", "attempt", "wait"),
    [
        (limited(200), 1, None),
        (limited(500, retry_after="5"), 1, None),
        (limited(403, "Resource not accessible"), 1, None),
        (limited(403, x_ratelimit_remaining="12"), 1, None),
        (limited(403, retry_after="7"), 1, 7.0),
        (limited(429, retry_after="Thu, 01 Jan 1970 00:16:50 GMT"), 1, 10.0),
        (limited(429, retry_after="soon"), 1, 60.0),
        (limited(403, x_ratelimit_remaining="0", x_ratelimit_reset="1030"), 1, 30.0),
        (limited(403, x_ratelimit_remaining="0", x_ratelimit_reset="900"), 1, 0.0),
        (limited(403, "You have exceeded a secondary rate limit."), 1, 60.0),
        (limited(429), 3, 240.0),
    ],
)
def test_a_limit_says_how_long_it_lasts(response: httpx.Response, attempt: int, wait: float | None) -> None:
    assert rate_limit_wait(response, now=1000.0, attempt=attempt) == wait


def status_error(status: int) -> Exception:
    request = httpx.Request("GET", "http://127.0.0.1/")
    return httpx.HTTPStatusError("", request=request, response=httpx.Response(status, request=request))


@pytest.mark.parametrize(
    ("problem", "is_worth_it"),
    [
        (status_error(500), True),
        (status_error(503), True),
        (status_error(429), True),
        (status_error(400), False),
        (status_error(404), False),
        (httpx.ConnectError("no"), True),
        (httpx.ReadTimeout("late"), True),
        (httpx.RemoteProtocolError("cut"), True),
        (ConnectionResetError(), True),
        (Unreachable("away"), True),
        (AccessRefused("no"), False),
        (EvidenceMissing("none"), False),
        (ValueError("a mistake of ours"), False),
    ],
)
def test_only_what_may_heal_by_itself_is_worth_a_retry(problem: Exception, is_worth_it: bool) -> None:
    assert worth_retrying(None, None, Failed(data=problem)) is is_worth_it
