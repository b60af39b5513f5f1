"""The cached mirror of an application's repository: a bare one that holds everything asked for so far."""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from blocks.github import GitHub
from tasks.domain.errors import ConfigurationError, EvidenceMissing
from tasks.domain.image import COMMIT
from tasks.git_command import GitFailed, run_git
from tasks.github.problems import github_problems

# The last commit asked for: what the next fetch does not need to bring again, and what keeps it from being collected.
_LATEST = "refs/tidegate/latest"


@contextmanager
def mirror_with(github: GitHub, repository: str, commit: str) -> Iterator["Mirror"]:
    """The mirror, locked against other runs and holding the commit.

    Raises EvidenceMissing where the repository has no such commit, AccessRefused, Unreachable, and ConfigurationError
    where `commit` is not a full SHA.
    """
    if not COMMIT.fullmatch(commit):
        raise ConfigurationError(f"commit {commit!r} is not a full SHA; give all 40 hexadecimal digits")
    mirror = Mirror(github, repository)
    mirror.folder.parent.mkdir(parents=True, exist_ok=True)
    with mirror.folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        mirror.prepare()
        if not mirror.has(commit):
            _bring(mirror, commit)
        if not mirror.has(commit):
            raise EvidenceMissing(f"{repository} has no commit {commit}; push it, or give one that was pushed")
        yield mirror


class Mirror:
    """A bare repository in the cache that holds everything asked for so far."""

    def __init__(self, github: GitHub, repository: str) -> None:
        with github_problems():
            self._environment = github.git_environment(repository)
        self._repository = repository
        self.url = github.clone_url(repository)
        self.folder = cache_folder() / "source" / f"{folder_name(self.url)}.git"

    def git(self, *arguments: str) -> str:
        """What the command prints; raises what run_git raises."""
        return run_git(
            *arguments, environment=self._environment | {"GIT_DIR": str(self.folder)}, remote=self._repository
        )

    def prepare(self) -> None:
        """Make it where there is none, and forget the work trees that are gone."""
        if not (self.folder / "HEAD").exists():
            self.git("init", "--quiet", "--bare")
        # Those of runs that were killed.
        self.git("worktree", "prune")

    def has(self, commit: str) -> bool:
        """Whether the commit is in it."""
        try:
            self.git("cat-file", "-e", f"{commit}^{{commit}}")
        except GitFailed:
            return False
        return True

    def fetch(self, *refspecs: str) -> None:
        """Bring what the refspecs name from the server; raises what run_git raises."""
        self.git("fetch", "--quiet", "--no-tags", "--force", "--end-of-options", self.url, *refspecs)


def cache_folder() -> Path:
    """Where this machine keeps what it can get again: the folder TIDEGATE_CACHE, or one in the home folder."""
    return Path(os.environ.get("TIDEGATE_CACHE") or Path.home() / ".cache" / "tidegate")


def folder_name(url: str) -> str:
    """A repository's address as the name of a folder."""
    return hashlib.sha256(url.encode()).hexdigest()[:16]


def _bring(mirror: Mirror, commit: str) -> None:
    try:
        mirror.fetch(f"{commit}:{_LATEST}")
    except GitFailed:
        # Not every server hands out a commit that no branch points at; then all that it shows must do.
        mirror.fetch("+refs/*:refs/remotes/origin/*")
