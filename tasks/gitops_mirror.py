"""The GitOps repository as a bare mirror without file contents, read and changed by git's plumbing; no work tree.

Commits and folders are all there, so history and ancestry need no network; the few files that are read are fetched one
by one (https://git-scm.com/docs/partial-clone). It is a cache: whatever is wrong with it, a new one is made.
"""

import fcntl
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from blocks.gitops import GitOpsRepository
from tasks.domain.errors import AccessRefused, ConfigurationError, InvalidManifest
from tasks.git_command import GitFailed, run_git_in_bytes

# A full SHA, or the first parent of one.
REVISION = re.compile(r"[0-9a-f]{40}\^?")
_REMOTE_SECONDS = 300
_LOCAL_SECONDS = 60
# What a server says when another push was faster than ours, beside the plain "[rejected]".
_MOVED_MEANWHILE = (
    "cannot lock ref",
    "failed to update ref",
    "failed to lock",
    "unable to lock",
    "incorrect old value",
)


@dataclass(frozen=True, slots=True)
class TreeFile:
    """A text file in one commit; `mode` is git's, such as 100644."""

    path: str
    mode: str
    text: str


@contextmanager
def open_mirror(repository: GitOpsRepository) -> Iterator["GitOpsMirror"]:
    """The mirror, held against the other processes and threads of this machine until the block ends."""
    mirror = GitOpsMirror(repository)
    mirror.folder.parent.mkdir(parents=True, exist_ok=True)
    with mirror.folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        mirror.prepare()
        yield mirror


class GitOpsMirror:
    """Git commands against one repository's mirror; only open_mirror makes it safe to use."""

    def __init__(self, repository: GitOpsRepository) -> None:
        self._repository = repository
        name = hashlib.sha256(repository.url.encode()).hexdigest()[:16]
        cache = Path(os.environ.get("TIDEGATE_CACHE") or Path.home() / ".cache" / "tidegate")
        self.folder = cache / "gitops" / f"{name}.git"
        self._branch = f"refs/heads/{repository.branch}"
        self._environment = repository.git_environment() | {"GIT_LITERAL_PATHSPECS": "1"}

    def prepare(self) -> None:
        """Make the mirror where there is none; one that was being made when its process died does not count."""
        if self.folder.exists():
            return
        with tempfile.TemporaryDirectory(dir=self.folder.parent) as unfinished:
            folder = Path(unfinished) / "mirror"
            self._local("init", "--quiet", "--bare", folder=folder)
            settings = {
                "core.repositoryFormatVersion": "1",
                "extensions.partialClone": "origin",
                "remote.origin.url": self._repository.url,
                "remote.origin.promisor": "true",
                "remote.origin.partialCloneFilter": "blob:none",
                "gc.autoDetach": "false",
            }
            for key, value in settings.items():
                self._local("config", key, value, folder=folder)
            folder.rename(self.folder)

    def fetch(self) -> str:
        """Bring the branch up to date; its newest commit. Raises ConfigurationError where there is no such branch."""
        try:
            self._fetch()
        except GitFailed as problem:
            if "couldn't find remote ref" in problem.complaint:
                branch = self._repository.branch
                raise ConfigurationError(
                    f"{self._repository.url} has no branch '{branch}'; create it, or correct the block's branch"
                ) from problem
            # A process that was killed leaves locks behind, a full disk leaves halves.
            self._start_anew()
            self._fetch()
        return self._local("rev-parse", "--verify", "--end-of-options", f"{self._branch}^{{commit}}").strip()

    def knows(self, revision: str) -> bool:
        """Whether the commit is here already; `revision` is a full SHA, or one with ^ for its first parent."""
        if not REVISION.fullmatch(revision):
            return False
        try:
            self._local("cat-file", "-e", "--end-of-options", f"{revision}^{{commit}}")
        except GitFailed:
            return False
        return True

    def is_ancestor(self, ancestor: str, revision: str) -> bool:
        """Whether `revision` contains `ancestor`; both are known."""
        try:
            self._local("merge-base", "--is-ancestor", "--end-of-options", ancestor, revision)
        except GitFailed as answer:
            if answer.complaint.strip():
                raise
            # It says no by its exit code alone.
            return False
        return True

    def read(self, revision: str, path: str) -> TreeFile | None:
        """The file in that commit, None where it has none; raises InvalidManifest for what is not a text file."""
        listing = self._local("ls-tree", "-z", "--full-tree", "--end-of-options", revision, path)
        if not listing:
            return None
        mode, kind, rest = listing.split(" ", 2)
        if kind != "blob" or not mode.startswith("100"):
            raise InvalidManifest(f"{path}: this is a folder or a link; name the file itself")
        content = self._remote("cat-file", "blob", rest.partition("\t")[0])
        try:
            return TreeFile(path, mode, content.decode("utf-8"))
        except UnicodeDecodeError as problem:
            line = content.count(b"\n", 0, problem.start) + 1
            raise InvalidManifest(f"{path}:{line}: this is not UTF-8; save the file in that encoding") from problem

    def commit(self, parent: str, file: TreeFile | None, message: str) -> str:
        """A commit on top of `parent` with this file in the place of the old one; it is on no branch yet.

        Without a file it changes none.
        """
        tree = self._tree_with(parent, file) if file else f"{parent}^{{tree}}"
        return self._local("commit-tree", "-p", parent, "-F", "-", tree, given=message.encode()).strip()

    def push(self, commit: str) -> bool:
        """Make the commit the branch's newest; False where the branch has moved on meanwhile.

        Raises AccessRefused where the account may not write, or the branch is protected.
        """
        place = f"branch '{self._repository.branch}' of {self._repository.url}"
        try:
            self._remote("push", "--quiet", "--no-verify", "origin", f"{commit}:{self._branch}")
        except AccessRefused as problem:
            raise AccessRefused(f"{place} refuses our push; give the account the right to write contents") from problem
        except GitFailed as problem:
            if "[rejected]" in problem.complaint or any(sign in problem.complaint for sign in _MOVED_MEANWHILE):
                return False
            if "[remote rejected]" in problem.complaint:
                reason = problem.complaint.partition("[remote rejected]")[2].partition("\n")[0].rpartition("(")[2]
                raise AccessRefused(
                    f"{place} did not take our push: {reason.rstrip(')')}; let the account push past its protection"
                ) from problem
            raise
        return True

    def touched(self, revision: str, path: str, *, limit: int) -> list[str]:
        """The commits that changed the file as the branch saw it, newest first."""
        arguments = ("--first-parent", f"--max-count={limit}", "--end-of-options", revision, "--", path)
        return self._local("rev-list", *arguments).split()

    def messages(self, revision: str, lines: tuple[str, ...], *, limit: int) -> list[tuple[str, str, str]]:
        """SHA, committer date and message of the commits whose message holds all these texts, newest first."""
        output = self._local(
            "rev-list",
            "--topo-order",
            "--no-commit-header",
            "--format=%H%x00%cI%x00%B%x00",
            f"--max-count={limit}",
            "--fixed-strings",
            "--all-match",
            *(f"--grep={line}" for line in lines),
            "--end-of-options",
            revision,
        )
        fields = output.split("\0")[:-1]
        commits = zip(fields[::3], fields[1::3], fields[2::3], strict=True)
        return [(sha.strip(), date, text) for sha, date, text in commits]

    def _tree_with(self, parent: str, file: TreeFile) -> str:
        blob = self._local("hash-object", "-w", "--stdin", given=file.text.encode()).strip()
        with tempfile.TemporaryDirectory(dir=self.folder) as scratch:
            index = Path(scratch) / "index"
            self._local("read-tree", parent, index=index)
            self._local("update-index", "--cacheinfo", f"{file.mode},{blob},{file.path}", index=index)
            # The contents of the other files are not here, and do not have to be.
            return self._local("write-tree", "--missing-ok", index=index).strip()

    def _fetch(self) -> None:
        refspec = f"+{self._branch}:{self._branch}"
        self._remote("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "origin", refspec)

    def _start_anew(self) -> None:
        with tempfile.TemporaryDirectory(dir=self.folder.parent, ignore_cleanup_errors=True) as scratch:
            self.folder.rename(Path(scratch) / "broken")
        self.prepare()

    def _local(
        self,
        *arguments: str,
        given: bytes = b"",
        folder: Path | None = None,
        index: Path | None = None,
    ) -> str:
        # Without this, git asks the remote for every commit that it does not know.
        variables = {"GIT_ALLOW_PROTOCOL": "none", "GIT_DIR": str(folder or self.folder)}
        if index is not None:
            variables["GIT_INDEX_FILE"] = str(index)
        output = run_git_in_bytes(
            *arguments,
            environment=self._environment | variables,
            remote=self._repository.url,
            given=given,
            timeout_seconds=_LOCAL_SECONDS,
        )
        return output.decode("utf-8", errors="replace")

    def _remote(self, *arguments: str) -> bytes:
        return run_git_in_bytes(
            *arguments,
            environment=self._environment | {"GIT_DIR": str(self.folder)},
            remote=self._repository.url,
            timeout_seconds=_REMOTE_SECONDS,
        )
