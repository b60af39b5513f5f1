"""The application's source: exactly one commit, from a cached mirror of its repository, in a work tree per run."""

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from blocks.github import GitHub
from tasks.domain.commit import CommitFacts
from tasks.domain.errors import ConfigurationError, EvidenceMissing
from tasks.domain.image import COMMIT
from tasks.git_command import GitFailed, run_git
from tasks.retry import outside_task

# The last commit asked for: what the next fetch does not need to bring again, and what keeps it from being collected.
_LATEST = "refs/tidegate/latest"


@outside_task("read commit {commit}")
def read_commit(github: GitHub, repository: str, commit: str) -> CommitFacts:
    """Bring the commit into the mirror and say what it is.

    Raises EvidenceMissing where the repository has no such commit, AccessRefused, Unreachable, and ConfigurationError
    where `commit` is not a full SHA.
    """
    with _mirror_with(github, repository, commit) as mirror:
        fields = "%H%x00%an%x00%ae%x00%cI%x00%s"
        text = mirror.git("log", "-1", "--no-show-signature", f"--format={fields}", "--end-of-options", commit)
    sha, name, email, time, subject = text.rstrip("\n").split("\0")
    return CommitFacts(sha, name, email, subject, datetime.fromisoformat(time))


@outside_task("read head of {repository} {branch}")
def head_of(github: GitHub, repository: str, branch: str) -> str:
    """The full SHA of a branch's newest commit; raises ConfigurationError where there is no such branch."""
    url, ref = github.clone_url(repository), f"refs/heads/{branch}"
    environment = github.git_environment()
    answer = run_git("ls-remote", "--end-of-options", url, ref, environment=environment, remote=repository)
    for line in answer.splitlines():
        sha, _, name = line.partition("\t")
        if name == ref:
            return sha
    raise ConfigurationError(f"{repository} has no branch {branch!r}; correct the application's branch")


@contextmanager
def checkout(github: GitHub, repository: str, commit: str) -> Iterator[Path]:
    """A folder with the files of exactly that commit, gone after the block; raises what read_commit raises.

    Every file carries the commit's time, so that images of the same commit are comparable. The checks may change the
    files: an image is built from a checkout of its own.
    """
    folder = Path(tempfile.mkdtemp(prefix="tidegate-source-"))
    tree = folder / "source"
    try:
        with _mirror_with(github, repository, commit) as mirror:
            mirror.git("worktree", "add", "--quiet", "--detach", "--end-of-options", str(tree), commit)
            time = float(mirror.git("log", "-1", "--format=%ct", "--end-of-options", commit))
        _set_times(tree, time)
        yield tree
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Mirror:
    """A bare repository in the cache that holds everything asked for so far."""

    def __init__(self, github: GitHub, repository: str) -> None:
        self._environment = github.git_environment()
        self._repository = repository
        self.url = github.clone_url(repository)
        name = hashlib.sha256(self.url.encode()).hexdigest()[:16]
        cache = Path(os.environ.get("TIDEGATE_CACHE") or Path.home() / ".cache" / "tidegate")
        self.folder = cache / "source" / f"{name}.git"

    def git(self, *arguments: str) -> str:
        return run_git(
            *arguments, environment=self._environment | {"GIT_DIR": str(self.folder)}, remote=self._repository
        )

    def prepare(self) -> None:
        if not (self.folder / "HEAD").exists():
            self.git("init", "--quiet", "--bare")
        # Work trees of runs that were killed.
        self.git("worktree", "prune")

    def has(self, commit: str) -> bool:
        try:
            self.git("cat-file", "-e", f"{commit}^{{commit}}")
        except GitFailed:
            return False
        return True

    def fetch(self, *refspecs: str) -> None:
        self.git("fetch", "--quiet", "--no-tags", "--force", "--end-of-options", self.url, *refspecs)


@contextmanager
def _mirror_with(github: GitHub, repository: str, commit: str) -> Iterator[_Mirror]:
    """The mirror, locked against other runs and holding the commit."""
    if not COMMIT.fullmatch(commit):
        raise ConfigurationError(f"commit {commit!r} is not a full SHA; give all 40 hexadecimal digits")
    mirror = _Mirror(github, repository)
    mirror.folder.parent.mkdir(parents=True, exist_ok=True)
    with mirror.folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        mirror.prepare()
        if not mirror.has(commit):
            _bring(mirror, commit)
        if not mirror.has(commit):
            raise EvidenceMissing(f"{repository} has no commit {commit}; push it, or give one that was pushed")
        yield mirror


def _bring(mirror: _Mirror, commit: str) -> None:
    try:
        mirror.fetch(f"{commit}:{_LATEST}")
    except GitFailed:
        # Not every server hands out a commit that no branch points at; then all that it shows must do.
        mirror.fetch("+refs/*:refs/remotes/origin/*")


def _set_times(tree: Path, time: float) -> None:
    for path in (*tree.rglob("*"), tree):
        os.utime(path, (time, time), follow_symlinks=False)
