"""The application's source: exactly one commit, from a cached mirror of its repository, in a work tree per run."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from blocks.github import GitHub
from tasks.domain.commit import CommitFacts, Mainline
from tasks.domain.errors import ConfigurationError
from tasks.domain.gates.changed_lines import ChangedLines, parse_diff
from tasks.git_command import GitFailed, run_git
from tasks.github.problems import github_problems
from tasks.retry import outside_task
from tasks.source.mirror import Mirror, mirror_with

# How far back a commit is looked for with which another can be compared.
_MOST_COMMITS = 100


@outside_task("read commit {commit}")
def read_commit(github: GitHub, repository: str, commit: str) -> CommitFacts:
    """Bring the commit into the mirror and say what it is.

    Raises EvidenceMissing where the repository has no such commit, AccessRefused, Unreachable, and ConfigurationError
    where `commit` is not a full SHA.
    """
    with mirror_with(github, repository, commit) as mirror:
        fields = "%H%x00%an%x00%ae%x00%cI%x00%s"
        text = mirror.git("log", "-1", "--no-show-signature", f"--format={fields}", "--end-of-options", commit)
    sha, name, email, time, subject = text.rstrip("\n").split("\0")
    return CommitFacts(sha, name, email, subject, datetime.fromisoformat(time))


@outside_task("read head of {repository} {branch}")
def head_of(github: GitHub, repository: str, branch: str) -> str:
    """The full SHA of a branch's newest commit; raises ConfigurationError where there is no such branch."""
    url, ref = github.clone_url(repository), f"refs/heads/{branch}"
    with github_problems():
        environment = github.git_environment(repository)
    answer = run_git("ls-remote", "--end-of-options", url, ref, environment=environment, remote=repository)
    for line in answer.splitlines():
        sha, _, name = line.partition("\t")
        if name == ref:
            return sha
    raise ConfigurationError(f"{repository} has no branch {branch!r}; correct the application's branch")


@outside_task("read mainline before {commit}")
def read_mainline(github: GitHub, repository: str, branch: str, commit: str) -> Mainline:
    """How the commit stands to the branch as it is now; raises what read_commit and head_of raise."""
    ref = f"refs/tidegate/branch-{hashlib.sha256(branch.encode()).hexdigest()[:16]}"
    with mirror_with(github, repository, commit) as mirror:
        _fetch_branch(mirror, repository, branch, ref)
        try:
            common = mirror.git("merge-base", "--end-of-options", commit, ref).strip()
        except GitFailed:
            return Mainline(holds_it=False, before=())
        line = mirror.git(
            "rev-list", "--first-parent", f"--max-count={_MOST_COMMITS + 1}", "--end-of-options", common
        ).split()
    holds_it = common == commit
    return Mainline(holds_it, tuple(line[1:] if holds_it else line[:_MOST_COMMITS]))


@outside_task("read what {commit} changed")
def changed_lines(github: GitHub, repository: str, base: str | None, commit: str) -> ChangedLines:
    """The lines that the commit has and its ancestor `base` has not, by file; all lines where there is no base.

    Raises what read_commit raises.
    """
    with mirror_with(github, repository, commit) as mirror:
        start = base or mirror.git("hash-object", "-t", "tree", os.devnull).strip()
        # The plumbing command, because no setting of the machine changes its form; every file as text, because the
        # repository's own attributes must not be able to hide one.
        form = ("diff-tree", "-r", "-p", "--text", "--unified=0", "--find-renames", "--no-ext-diff", "--no-textconv")
        return parse_diff(mirror.git(*form, "--end-of-options", start, commit))


@contextmanager
def checkout(github: GitHub, repository: str, commit: str) -> Iterator[Path]:
    """A folder with the files of exactly that commit, gone after the block; raises what read_commit raises.

    Every file carries the commit's time, so that images of the same commit are comparable. The checks may change the
    files: an image is built from a checkout of its own.
    """
    folder = Path(tempfile.mkdtemp(prefix="tidegate-source-"))
    tree = folder / "source"
    try:
        with mirror_with(github, repository, commit) as mirror:
            mirror.git("worktree", "add", "--quiet", "--detach", "--end-of-options", str(tree), commit)
            time = float(mirror.git("log", "-1", "--format=%ct", "--end-of-options", commit))
        _set_times(tree, time)
        yield tree
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _fetch_branch(mirror: Mirror, repository: str, branch: str, ref: str) -> None:
    try:
        mirror.fetch(f"+refs/heads/{branch}:{ref}")
    except GitFailed as problem:
        if "couldn't find remote ref" in problem.complaint:
            raise ConfigurationError(
                f"{repository} has no branch {branch!r}; correct the application's branch"
            ) from problem
        raise


def _set_times(tree: Path, time: float) -> None:
    for path in (*tree.rglob("*"), tree):
        os.utime(path, (time, time), follow_symlinks=False)
