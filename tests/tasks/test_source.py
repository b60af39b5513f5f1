"""Exactly one commit is checked out, from a mirror that many runs may use at once."""

import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prefect.logging import disable_run_logger
from prefect_github import GitHubCredentials
from pydantic import SecretStr

from blocks.github import GitHub
from deployments.sandbox.github.protocol import create_app
from deployments.sandbox.github.state import GitHubState
from deployments.sandbox.server import serve
from tasks.domain.commit import CommitFacts, Mainline
from tasks.domain.errors import AccessRefused, ConfigurationError, EvidenceMissing, Unreachable
from tasks.domain.gates.baseline import Baseline
from tasks.source.baseline import find_baseline, keep_baseline
from tasks.source.checkout import changed_lines, checkout, head_of, read_commit, read_mainline

REPOSITORY = "acme/shop-api"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("TIDEGATE_CACHE", str(tmp_path / "cache"))
    with disable_run_logger():
        yield tmp_path / "cache"


@pytest.fixture
def state(tmp_path: Path) -> GitHubState:
    state = GitHubState(tmp_path / "github")
    state.add_user("acme", token="right-token")
    state.add_user("stranger", token="other-token")
    state.create_repository(REPOSITORY)
    return state


@pytest.fixture
def github(state: GitHubState) -> Iterator[GitHub]:
    with serve(create_app(state)) as url:
        yield block(url, "right-token")


def block(url: str, token: str | None) -> GitHub:
    credentials = GitHubCredentials(token=SecretStr(token) if token else None)
    return GitHub(api_url=f"{url}/api/v3", web_url=url, credentials=credentials)


def commit(state: GitHubState, text: str, branch: str = "main") -> str:
    files = {"app.txt": text, "folder/file": "x"}
    return state.commit(
        REPOSITORY, branch, files, f"Say {text}\n\nBody.", author_name="Ada Lövelace", author_email="ada@example.org"
    )


def test_a_commit_says_who_made_it_and_when(state: GitHubState, github: GitHub) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    sha = commit(state, "one")
    facts = read_commit.fn(github, REPOSITORY, sha)
    assert facts == CommitFacts(sha, "Ada Lövelace", "ada@example.org", "Say one", facts.committed_at)
    assert before <= facts.committed_at <= datetime.now(UTC)


def test_the_tree_is_that_of_the_commit_and_not_of_the_branch(state: GitHubState, github: GitHub) -> None:
    first, second = commit(state, "one"), commit(state, "two")
    with checkout(github, REPOSITORY, first) as old, checkout(github, REPOSITORY, second) as new:
        assert ((old / "app.txt").read_text(), (new / "app.txt").read_text()) == ("one", "two")


def test_the_tree_is_gone_afterwards_also_after_an_error(state: GitHubState, github: GitHub, cache: Path) -> None:
    sha = commit(state, "one")
    with pytest.raises(RuntimeError, match="a check broke"), checkout(github, REPOSITORY, sha) as tree:
        raise RuntimeError("a check broke")
    assert not tree.parent.exists()
    with checkout(github, REPOSITORY, sha):
        pass
    [mirror] = (cache / "source").glob("*.git")
    with checkout(github, REPOSITORY, sha):
        # The one in use is known, the one of the broken run is forgotten.
        assert len(list((mirror / "worktrees").iterdir())) == 1


def test_what_a_run_changes_in_its_tree_is_not_in_the_next_one(state: GitHubState, github: GitHub) -> None:
    sha = commit(state, "one")
    with checkout(github, REPOSITORY, sha) as tree:
        (tree / "app.txt").write_text("tampered")
    with checkout(github, REPOSITORY, sha) as tree:
        assert (tree / "app.txt").read_text() == "one"


def test_every_file_has_the_commit_s_time(state: GitHubState, github: GitHub) -> None:
    sha = commit(state, "one")
    time = read_commit.fn(github, REPOSITORY, sha).committed_at.timestamp()
    with checkout(github, REPOSITORY, sha) as tree:
        assert {path.stat().st_mtime for path in (tree, *tree.rglob("*"))} == {time}


def test_a_commit_in_the_mirror_needs_no_network(state: GitHubState, tmp_path: Path) -> None:
    sha = commit(state, "one")
    with serve(create_app(state)) as url:
        github = block(url, "right-token")
        read_commit.fn(github, REPOSITORY, sha)
    with checkout(github, REPOSITORY, sha) as tree:
        assert (tree / "app.txt").read_text() == "one"


def test_a_commit_that_no_branch_holds_any_more_is_still_found(state: GitHubState, github: GitHub) -> None:
    orphan = commit(state, "force-pushed away", branch="topic")
    state.repositories[REPOSITORY].git.move("refs/heads/topic", commit(state, "other"), orphan)
    assert read_commit.fn(github, REPOSITORY, orphan).subject == "Say force-pushed away"


def test_a_server_that_hands_out_only_branches_is_asked_for_all_of_them(
    state: GitHubState, github: GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha = commit(state, "one")
    commit(state, "two")
    # Such servers speak the first protocol: the second hands out anything there is.
    (tmp_path / ".gitconfig").write_text("[protocol]\n\tversion = 0\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    config = state.repositories[REPOSITORY].git.path / "config"
    for name in ("allowReachableSHA1InWant", "allowAnySHA1InWant"):
        subprocess.run(["git", "config", "-f", config, f"uploadpack.{name}", "false"], check=True)
    with checkout(github, REPOSITORY, sha) as tree:
        assert (tree / "app.txt").read_text() == "one"


def test_runs_at_the_same_time_get_their_own_trees(state: GitHubState, github: GitHub) -> None:
    commits = [commit(state, str(number)) for number in range(4)]

    def read(sha: str) -> str:
        with checkout(github, REPOSITORY, sha) as tree:
            return (tree / "app.txt").read_text()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(read, commits)) == ["0", "1", "2", "3"]


def test_no_hook_of_the_machine_runs(
    state: GitHubState, github: GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = tmp_path / "home" / "hooks" / "post-checkout"
    hook.parent.mkdir(parents=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    (tmp_path / "home" / ".gitconfig").write_text(f"[core]\n\thooksPath = {hook.parent}\n")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with checkout(github, REPOSITORY, commit(state, "one")):
        assert not (tmp_path / "ran").exists()


def test_a_commit_that_is_nowhere_is_missing_evidence(state: GitHubState, github: GitHub) -> None:
    commit(state, "one")
    with pytest.raises(EvidenceMissing, match="acme/shop-api has no commit 0000000"):
        read_commit.fn(github, REPOSITORY, "0" * 40)


@pytest.mark.parametrize("name", ["main", "0" * 39, "--upload-pack=touch /tmp/x", "HEAD", ""])
def test_only_a_full_sha_is_a_commit(github: GitHub, name: str) -> None:
    with pytest.raises(ConfigurationError, match="is not a full SHA"), ExitStack() as stack:
        stack.enter_context(checkout(github, REPOSITORY, name))


@pytest.mark.parametrize(
    ("token", "repository", "says"),
    [
        ("wrong-token", REPOSITORY, "refuses the credentials"),
        (None, REPOSITORY, "refuses the credentials"),
        ("other-token", REPOSITORY, "does not exist or the token may not see it"),
        ("right-token", "acme/nothing", "does not exist or the token may not see it"),
    ],
)
def test_a_repository_that_may_not_be_read_is_a_refusal_without_the_token(
    github: GitHub, token: str | None, repository: str, says: str
) -> None:
    refused = block(github.web_url, token)
    for ask in (lambda: read_commit.fn(refused, repository, "0" * 40), lambda: head_of.fn(refused, repository, "main")):
        with pytest.raises(AccessRefused, match=says) as refusal:
            ask()
        assert str(token) not in str(refusal.value)


def test_a_server_that_cannot_be_reached_is_worth_another_try() -> None:
    with pytest.raises(Unreachable, match="acme/shop-api cannot be reached"):
        head_of.fn(block("http://127.0.0.1:1", "right-token"), REPOSITORY, "main")


def test_the_head_of_a_branch_is_its_newest_commit(state: GitHubState, github: GitHub) -> None:
    commit(state, "one")
    newest = commit(state, "two")
    assert head_of.fn(github, REPOSITORY, "main") == newest
    # A branch whose name ends in another's.
    commit(state, "three", branch="feature/main")
    assert head_of.fn(github, REPOSITORY, "main") != head_of.fn(github, REPOSITORY, "feature/main")
    with pytest.raises(ConfigurationError, match="has no branch 'other'"):
        head_of.fn(github, REPOSITORY, "other")


def test_the_token_is_on_no_command_line_and_in_no_file(state: GitHubState, github: GitHub, cache: Path) -> None:
    read_commit.fn(github, REPOSITORY, commit(state, "one"))
    files = [Path(folder) / name for folder, _, names in os.walk(cache) for name in names]
    assert files
    assert not [file for file in files if b"right-token" in file.read_bytes()]


def test_a_commit_of_the_mainline_knows_those_before_it(state: GitHubState, github: GitHub) -> None:
    first, second, third = (commit(state, text) for text in ("one", "two", "three"))
    assert read_mainline.fn(github, REPOSITORY, "main", third) == Mainline(holds_it=True, before=(second, first))
    assert read_mainline.fn(github, REPOSITORY, "main", first) == Mainline(holds_it=True, before=())


def test_a_commit_beside_the_mainline_knows_where_it_branched_off(state: GitHubState, github: GitHub) -> None:
    first, second = commit(state, "one"), commit(state, "two")
    topic = commit(state, "mine", branch="topic")
    later = commit(state, "three")
    assert read_mainline.fn(github, REPOSITORY, "main", topic) == Mainline(holds_it=False, before=(second, first))
    assert read_mainline.fn(github, REPOSITORY, "main", later).before[0] == second


def test_a_commit_without_a_common_ancestor_has_nothing_before_it(state: GitHubState, github: GitHub) -> None:
    first = commit(state, "one")
    folder = state.repositories[REPOSITORY].git.path
    author = {f"GIT_{who}_{what}": "a@b.c" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(folder), *arguments]
        return subprocess.run(command, env=os.environ | author, capture_output=True, text=True, check=True).stdout

    stranger = git("commit-tree", "-m", "From nowhere", f"{first}^{{tree}}").strip()
    git("update-ref", "refs/heads/unrelated", stranger)
    assert read_mainline.fn(github, REPOSITORY, "main", stranger) == Mainline(holds_it=False, before=())
    with pytest.raises(ConfigurationError, match="has no branch 'nowhere'"):
        read_mainline.fn(github, REPOSITORY, "nowhere", stranger)


def test_the_changed_lines_are_those_of_the_new_text(state: GitHubState, github: GitHub) -> None:
    first = commit(state, "one\ntwo\nthree\n")
    second = commit(state, "one\nTWO\nthree\nfour")
    assert changed_lines.fn(github, REPOSITORY, first, second) == {"app.txt": {2, 4}}
    assert changed_lines.fn(github, REPOSITORY, second, first) == {"app.txt": {2}}
    assert changed_lines.fn(github, REPOSITORY, None, first) == {"app.txt": {1, 2, 3}, "folder/file": {1}}
    assert changed_lines.fn(github, REPOSITORY, first, first) == {}


def test_a_repository_cannot_hide_changed_lines(state: GitHubState, github: GitHub, tmp_path: Path) -> None:
    def push(files: dict[str, str]) -> str:
        return state.commit(REPOSITORY, "main", files, "x", author_name="a", author_email="a@b.c")

    first = push({"a.py": "a\n", ".gitattributes": "*.py binary -diff\n"})
    assert changed_lines.fn(github, REPOSITORY, first, push({"a.py": "a\nb\n"})) == {"a.py": {2}}
    # What git takes for a binary file.
    assert changed_lines.fn(github, REPOSITORY, first, push({"a.py": "a\nb = '\0'\n"})) == {"a.py": {2}}


def test_the_machine_s_own_settings_change_no_diff(
    state: GitHubState, github: GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = (
        "[diff]\n\tnoprefix = true\n\tcontext = 9\n\tinterHunkContext = 9\n\texternal = false\n\tcolor = always\n"
    )
    (tmp_path / ".gitconfig").write_text(f"{settings}[color]\n\tui = always\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    first = commit(state, "".join(f"{number}\n" for number in range(9)))
    second = commit(state, "".join(f"{number if number % 4 else 'x'}\n" for number in range(9)))
    assert changed_lines.fn(github, REPOSITORY, first, second) == {"app.txt": {1, 5, 9}}


def test_a_file_that_only_moved_has_no_changed_line(state: GitHubState, github: GitHub) -> None:
    text = "".join(f"line {number}\n" for number in range(20))

    def push(files: dict[str, str | None]) -> str:
        return state.commit(REPOSITORY, "main", files, "x", author_name="a", author_email="a@b.c")

    first = push({"old name.py": text})
    moved = push({"old name.py": None, 'new "näme".py': f"{text}more\n"})
    assert changed_lines.fn(github, REPOSITORY, first, moved) == {'new "näme".py': {21}}


def test_the_nearest_baseline_is_found_and_a_broken_one_is_none(github: GitHub, cache: Path) -> None:
    one, two, three = (Baseline(digit * 40, frozenset({digit})) for digit in "123")
    for baseline in (one, two):
        keep_baseline(github, REPOSITORY, "shop-api", baseline)
    assert find_baseline(github, REPOSITORY, "shop-api", (three.commit, two.commit, one.commit)) == two
    assert find_baseline(github, REPOSITORY, "web", (two.commit,)) is None
    [file] = cache.rglob(f"{two.commit}.json")
    file.write_text(file.read_text()[:20])
    assert find_baseline(github, REPOSITORY, "shop-api", (two.commit, one.commit)) == one


def test_only_the_newest_baselines_are_kept(github: GitHub, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.source.baseline._KEPT", 3)
    commits = [f"{number:040x}" for number in range(6)]
    for number, sha in enumerate(commits):
        keep_baseline(github, REPOSITORY, "shop-api", Baseline(sha, frozenset()))
        [file] = cache.rglob(f"{sha}.json")
        os.utime(file, (number, number))
    assert {file.stem for file in cache.rglob("*.json")} == set(commits[3:])
