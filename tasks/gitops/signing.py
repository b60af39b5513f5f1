"""Commits made again with a signature; git signs one at a time, with the SSH key that its environment names."""

from collections.abc import Sequence

from tasks.domain.errors import ConfigurationError
from tasks.git_command import GitFailed
from tasks.gitops.commit_stream import BATCH, NewCommit
from tasks.gitops.git import MirrorGit


def sign_all(git: MirrorGit, parent: str, shas: Sequence[str], commits: Sequence[NewCommit]) -> list[str]:
    """The same commits in a row on `parent`, signed; raises ConfigurationError where the key cannot be used."""
    trees = git.local("rev-parse", *(f"{sha}^{{tree}}" for sha in shas)).split()
    signed: list[str] = []
    for tree, commit in zip(trees, commits, strict=True):
        before = signed[-1] if signed else parent
        message = commit.message.encode()
        try:
            sha = git.local("commit-tree", "-S", "-p", before, "-F", "-", tree, given=message).strip()
        except GitFailed as problem:
            raise ConfigurationError(
                f"a commit to {git.url} cannot be signed ({_reason(problem)}); put a private SSH key without a "
                "passphrase into the GitOps block's signing key, and install ssh-keygen where the worker runs"
            ) from problem
        signed.append(sha)
    git.local("update-ref", BATCH, signed[-1])
    return signed


def _reason(problem: GitFailed) -> str:
    # The first line says why, the last only that there is no commit.
    lines = [line for line in problem.complaint.splitlines() if line.strip()]
    return lines[0].partition(": ")[2] or lines[0] if lines else "git printed nothing"
