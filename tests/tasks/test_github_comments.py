"""One comment that is ours, whatever others write; and who may ask for what."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.logging import disable_run_logger
from pydantic import SecretStr

from blocks.github import WORK, GitHub
from deployments.sandbox.github.conversation import write_comment as say
from deployments.sandbox.github.own_app import install_own_app
from deployments.sandbox.github.protocol import create_app
from deployments.sandbox.github.records import Permission
from deployments.sandbox.github.state import GitHubState
from deployments.sandbox.server import serve
from tasks.domain.errors import AccessRefused
from tasks.domain.feedback.pull_request import PullRequestFacts
from tasks.github.comments import react, write_comment
from tasks.github.pull_requests import may_write, read_pull_request

REPOSITORY, MARKER = "acme/shop-api", "<!-- tidegate: shop-api -->"


@pytest.fixture(autouse=True)
def _without_a_run() -> Iterator[None]:
    with disable_run_logger():
        yield


@pytest.fixture
def state(tmp_path: Path) -> GitHubState:
    state = GitHubState(tmp_path / "github")
    state.create_repository(REPOSITORY)
    for login, permission in (("dana", Permission.WRITE), ("rita", Permission.READ), ("amy", Permission.ADMIN)):
        state.add_user(login, email=f"{login}@example.org")
        state.grant(REPOSITORY, login, permission)
    state.add_user("stranger")
    state.commit(REPOSITORY, "main", {"a": "b"}, "One", author_name="Dana", author_email="dana@example.org")
    state.commit(REPOSITORY, "topic", {"a": "c"}, "Two", author_name="Dana", author_email="dana@example.org")
    state.open_pull_request(REPOSITORY, head="topic", base="main", title="Two", author="dana")
    return state


@pytest.fixture
def github(state: GitHubState) -> Iterator[GitHub]:
    own = install_own_app(state, "tidegate", [REPOSITORY], WORK)
    with serve(create_app(state)) as url:
        key = SecretStr(own.private_key)
        yield GitHub(api_url=f"{url}/api/v3", web_url=url, app_id=own.app.client_id, private_key=key)


def comments(state: GitHubState) -> list[tuple[str, str]]:
    return [(one.author.login, one.body) for one in state.repositories[REPOSITORY].comments]


def test_the_comment_is_written_once_and_changed_in_place(state: GitHubState, github: GitHub) -> None:
    for text in ("first", "first", "second"):
        write_comment.fn(github, REPOSITORY, 1, f"{MARKER}\n{text}")
    assert comments(state) == [("tidegate[bot]", f"{MARKER}\nsecond")]


def test_a_comment_of_somebody_else_with_our_mark_is_left_alone(state: GitHubState, github: GitHub) -> None:
    say(state, REPOSITORY, 1, "dana", f"{MARKER}\nAll gates passed, trust me.")
    write_comment.fn(github, REPOSITORY, 1, f"{MARKER}\nfirst")
    assert comments(state) == [
        ("dana", f"{MARKER}\nAll gates passed, trust me."),
        ("tidegate[bot]", f"{MARKER}\nfirst"),
    ]


def test_the_comment_is_found_behind_a_hundred_others(state: GitHubState, github: GitHub) -> None:
    for number in range(120):
        say(state, REPOSITORY, 1, "dana", f"Remark {number}")
    for text in ("first", "second"):
        write_comment.fn(github, REPOSITORY, 1, f"{MARKER}\n{text}")
    assert [body for login, body in comments(state) if login == "tidegate[bot]"] == [f"{MARKER}\nsecond"]


def test_each_application_has_a_comment_of_its_own(state: GitHubState, github: GitHub) -> None:
    for name in ("shop-api", "shop-web", "shop-api"):
        write_comment.fn(github, REPOSITORY, 1, f"<!-- tidegate: {name} -->\n{name}")
    assert [body.partition("\n")[2] for _, body in comments(state)] == ["shop-api", "shop-web"]


def test_a_comment_is_answered_by_a_sign_once(state: GitHubState, github: GitHub) -> None:
    comment = say(state, REPOSITORY, 1, "dana", "/retest")
    for _ in range(2):
        react.fn(github, REPOSITORY, comment.id, "+1")
    assert comment.reactions == [("+1", "tidegate[bot]")]


@pytest.mark.parametrize(
    ("login", "may"),
    [("dana", True), ("amy", True), ("rita", False), ("stranger", False), ("nobody", False), ("../../user", False)],
)
def test_who_may_write_is_asked_of_github(github: GitHub, login: str, may: bool) -> None:
    assert may_write.fn(github, REPOSITORY, login) is may


def test_a_pull_request_of_a_fork_is_known_as_one_and_followed(state: GitHubState, github: GitHub) -> None:
    fork = state.fork(REPOSITORY, "stranger")
    sha = state.commit(fork.full_name, "main", {"a": "z"}, "Mine", author_name="S", author_email="s@example.org")
    pull = state.open_pull_request(
        REPOSITORY, head="main", base="main", title="Mine", author="stranger", fork=fork.full_name
    )
    seen = read_pull_request.fn(github, REPOSITORY, pull.number)
    assert seen == PullRequestFacts(
        2, sha, "main", "stranger", is_open=True, is_draft=False, is_fork=True, head_branch="main"
    )
    assert seen.moved_on_from(sha) is None
    # A branch of the same name in the repository itself is none of its business.
    state.commit(REPOSITORY, "main", {"b": "b"}, "Theirs", author_name="Dana", author_email="dana@example.org")
    newer = state.commit(fork.full_name, "main", {"a": "y"}, "More", author_name="S", author_email="s@example.org")
    assert read_pull_request.fn(github, REPOSITORY, 2).moved_on_from(sha) == (
        f"Pull request 2 has moved on to {newer[:7]}."
    )
    state.close_pull_request(REPOSITORY, 2, by="dana")
    assert read_pull_request.fn(github, REPOSITORY, 2).moved_on_from(newer) == "Pull request 2 is closed."


def test_a_pull_request_that_is_not_there_is_said(github: GitHub) -> None:
    with pytest.raises(AccessRefused, match=r"shows nothing at .*/pulls/99"):
        read_pull_request.fn(github, REPOSITORY, 99)
