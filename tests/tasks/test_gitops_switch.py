"""The stop switch in a real git repository: what stands in its history, and that nothing is written twice."""

import subprocess
from pathlib import Path

import pytest

from blocks.gitops import GitOpsRepository
from tasks.domain.promotion.switch import Switch
from tasks.gitops.switch import read_last_stop, read_switch, turn_switch

STOP = Switch("production", is_stopped=True, by="ada", reason="payments fail")
GO = Switch("production", is_stopped=False, by="grace", reason="payments work again")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GitOpsRepository:
    monkeypatch.setenv("TIDEGATE_CACHE", str(tmp_path / "cache"))
    clone, bare = tmp_path / "clone", tmp_path / "gitops.git"
    clone.mkdir()
    (clone / "values.yaml").write_text("image: shop:1\n")
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    for command in (
        ("init", "--quiet", "--initial-branch=main"),
        ("add", "."),
        (*identity, "commit", "--quiet", "-m", "Begin"),
        ("clone", "--quiet", "--bare", ".", str(bare)),
    ):
        subprocess.run(["git", *command], cwd=clone, check=True)
    git(bare, "config", "uploadpack.allowFilter", "true")
    return GitOpsRepository(url=bare.as_uri())


def git(bare: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", str(bare), *arguments], check=True, capture_output=True, text=True).stdout


def test_it_is_turned_by_empty_commits_and_the_newest_counts(repository: GitOpsRepository, tmp_path: Path) -> None:
    bare = tmp_path / "gitops.git"
    assert read_switch.fn(repository, "production") is None
    stopped = turn_switch.fn(repository, STOP)
    assert (stopped.is_stopped, stopped.by, stopped.reason) == (True, "ada", "payments fail")
    assert stopped.revision == git(bare, "rev-parse", "main").strip()
    assert read_switch.fn(repository, "production") == stopped
    assert read_switch.fn(repository, "staging") is None
    went = turn_switch.fn(repository, GO)
    assert (read_switch.fn(repository, "production"), read_last_stop.fn(repository, "production")) == (went, stopped)
    assert git(bare, "diff", "--stat", "main~2", "main") == ""
    assert git(bare, "log", "--format=%s", "main").splitlines() == [
        "Let go the promotions to production",
        "Stop the promotions to production",
        "Begin",
    ]


def test_what_is_so_already_is_not_written_again(repository: GitOpsRepository, tmp_path: Path) -> None:
    bare = tmp_path / "gitops.git"
    before = git(bare, "rev-parse", "main")
    assert turn_switch.fn(repository, GO).revision == ""
    assert git(bare, "rev-parse", "main") == before
    first = turn_switch.fn(repository, STOP)
    assert turn_switch.fn(repository, Switch("production", is_stopped=True, by="bob", reason="again")) == first
    assert git(bare, "rev-list", "--count", "main").strip() == "2"
