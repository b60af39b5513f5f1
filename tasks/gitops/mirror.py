"""The GitOps repository as a bare mirror without file contents, read and changed by git's plumbing; no work tree.

Commits and folders are all there, so history and ancestry need no network and are never wrong at the edge of a shallow
clone; the few files that are read are fetched when they are (https://git-scm.com/docs/partial-clone). That is small
enough: 4 MB, fetched in less than a second, for 6,000 files and 2,000 commits (tests/benchmarks/test_writer.py). It is
a cache: whatever is wrong with it, a new one is made.
"""

import fcntl
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from blocks.github_app import AppRefused
from blocks.gitops import GitOpsRepository
from tasks.domain.errors import AccessRefused, ConfigurationError, InvalidManifest
from tasks.git_command import GitFailed
from tasks.gitops.commit_stream import NewCommit, TreeFile, identity, import_stream
from tasks.gitops.fetches import Fetches
from tasks.gitops.files import Found, read_files
from tasks.gitops.git import MirrorGit
from tasks.gitops.notes import BROUGHT, NOTES, bring_notes
from tasks.gitops.push import explain_push
from tasks.gitops.signing import sign_all

# A full SHA, or the first parent of one.
REVISION = re.compile(r"[0-9a-f]{40}\^?")


@contextmanager
def open_mirror(repository: GitOpsRepository) -> Iterator["GitOpsMirror"]:
    """The mirror, held against the other processes and threads of this machine until the block ends."""
    folder = mirror_folder(repository)
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fetches = Fetches(folder.with_suffix(".fetches"))
    # Before the wait for the others: what they fetch meanwhile is new enough for us.
    asked = fetches.begun()
    with folder.with_suffix(".lock").open("w") as lock, ExitStack() as access:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            environment = access.enter_context(repository.open_git())
        except AppRefused as refusal:
            raise AccessRefused(str(refusal)) from refusal
        mirror = GitOpsMirror(repository, MirrorGit(folder, repository.url, environment), fetches, asked)
        mirror.prepare()
        yield mirror


def mirror_folder(repository: GitOpsRepository) -> Path:
    """Where the mirror is on this machine: in the folder TIDEGATE_CACHE, or in one in the home folder."""
    name = hashlib.sha256(repository.url.encode()).hexdigest()[:16]
    cache = Path(os.environ.get("TIDEGATE_CACHE") or Path.home() / ".cache" / "tidegate")
    return cache / "gitops" / f"{name}.git"


class GitOpsMirror:
    """Git commands against one repository's mirror; only open_mirror makes it safe to use."""

    def __init__(self, repository: GitOpsRepository, git: MirrorGit, fetches: Fetches, asked: int) -> None:
        self.folder = git.folder
        self._repository, self._git = repository, git
        self._fetches, self._asked = fetches, asked
        self._branch = f"refs/heads/{repository.branch}"

    def prepare(self) -> None:
        """Make the mirror where there is none; one that was being made when its process died does not count."""
        if self.folder.exists():
            return
        with tempfile.TemporaryDirectory(dir=self.folder.parent) as unfinished:
            folder = Path(unfinished) / "mirror"
            self._git.local("init", "--quiet", "--bare", folder=folder)
            settings = {
                "core.repositoryFormatVersion": "1",
                "extensions.partialClone": "origin",
                "remote.origin.url": self._repository.url,
                "remote.origin.promisor": "true",
                "remote.origin.partialCloneFilter": "blob:none",
                "gc.autoDetach": "false",
            }
            for key, value in settings.items():
                self._git.local("config", key, value, folder=folder)
            folder.rename(self.folder)

    def fetch(self, *, anew: bool = False) -> str:
        """Bring the branch up to date; its newest commit. Raises ConfigurationError where there is no such branch.

        What somebody else fetched since the mirror was asked for is not fetched again, but where `anew` says so.
        """
        if anew or not self._fetches.has_brought(self._branch, since=self._asked):
            number = self._fetches.begin()
            self._fetch_or_start_anew()
            self._fetches.end(number, self._branch)
        return self._git.local("rev-parse", "--verify", "--end-of-options", f"{self._branch}^{{commit}}").strip()

    def knows(self, revision: str) -> bool:
        """Whether the commit is here already; `revision` is a full SHA, or one with ^ for its first parent."""
        if not REVISION.fullmatch(revision):
            return False
        try:
            self._git.local("cat-file", "-e", "--end-of-options", f"{revision}^{{commit}}")
        except GitFailed:
            return False
        return True

    def is_ancestor(self, ancestor: str, revision: str) -> bool:
        """Whether `revision` contains `ancestor`; both are known."""
        try:
            self._git.local("merge-base", "--is-ancestor", "--end-of-options", ancestor, revision)
        except GitFailed as answer:
            if answer.complaint.strip():
                raise
            # It says no by its exit code alone.
            return False
        return True

    def read(self, revision: str, path: str) -> TreeFile | None:
        """The file in that commit, None where it has none; raises InvalidManifest for what is not a text file."""
        file = self.read_all(revision, [path])[path]
        if isinstance(file, InvalidManifest):
            raise file
        return file

    def read_all(self, revision: str, paths: Sequence[str]) -> Mapping[str, Found]:
        """All these files as `read` gives them, but an InvalidManifest is not raised."""
        return read_files(self._git, revision, paths)

    def lacks(self, path: str) -> InvalidManifest:
        """What is said of a file that is not on the branch."""
        return InvalidManifest(
            f"{path}: there is no such file on branch '{self._repository.branch}' of {self._repository.url}; "
            "add it, or correct the file of the environment's manifest"
        )

    def add(self, parent: str, commits: Sequence[NewCommit]) -> list[str]:
        """Commits in a row on top of `parent`, their SHAs; they are on no branch yet."""
        if not commits:
            return []
        committer = identity(self._repository.committer_name, self._repository.committer_email)
        stream = import_stream(parent, commits, committer)
        shas = self._git.local("fast-import", "--quiet", "--force", "--date-format=now", given=stream).split()
        return sign_all(self._git, parent, shas, commits) if self._repository.signing_key else shas

    def push(self, commit: str) -> bool:
        """Put the commit on the branch; False, and nothing done, where the branch has moved on since its fetch.

        Raises AccessRefused where the account may not write, or the branch is protected.
        """
        try:
            self._git.remote("push", "--quiet", "--no-verify", "origin", f"{commit}:{self._branch}")
        except (GitFailed, AccessRefused) as problem:
            explain_push(problem, f"branch '{self._repository.branch}' of {self._repository.url}")
            return False
        self._git.local("update-ref", self._branch, commit)
        return True

    def fetch_other(self, branch: str) -> str | None:
        """The newest commit of another branch; None where there is no such branch."""
        here = f"refs/tidegate/other/{branch}"
        refspec = f"+refs/heads/{branch}:{here}"
        try:
            self._git.remote("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "origin", refspec)
        except GitFailed as problem:
            if "couldn't find remote ref" in problem.complaint:
                return None
            raise
        return self._git.local("rev-parse", "--verify", "--end-of-options", f"{here}^{{commit}}").strip()

    def push_other(self, commit: str, branch: str, *, expected: str | None) -> bool:
        """Let another branch be just this commit, where it is still `expected`, None: not there; else False.

        Raises as push does.
        """
        there = f"refs/heads/{branch}"
        # https://git-scm.com/docs/git-push, --force-with-lease: nothing behind the colon means that there is none yet.
        lease = f"--force-with-lease={there}:{expected or ''}"
        try:
            self._git.remote("push", "--quiet", "--no-verify", lease, "origin", f"{commit}:{there}")
        except (GitFailed, AccessRefused) as problem:
            explain_push(problem, f"branch '{branch}' of {self._repository.url}")
            return False
        return True

    def newest_touch(self, revision: str, path: str) -> str | None:
        """The newest commit that changed the file, as the branch saw it; None where none did."""
        arguments = ("--first-parent", "--max-count=1", "--end-of-options", revision, "--", path)
        return self._git.local("rev-list", *arguments).strip() or None

    def messages(self, revision: str, lines: tuple[str, ...], *, limit: int) -> list[tuple[str, str, str]]:
        """SHA, committer date and message of the commits whose message holds all these texts, newest first.

        What a note on a commit says takes the place of its message; see tasks.gitops.notes.
        """
        output = self._git.local(
            "log",
            "--topo-order",
            "--no-show-signature",
            "--no-notes",
            f"--notes={NOTES}",
            "--format=%H%x00%cI%x00%B%x00%N%x00",
            f"--max-count={limit}",
            "--fixed-strings",
            "--all-match",
            *(f"--grep={line}" for line in lines),
            "--end-of-options",
            revision,
        )
        fields = output.split("\0")[:-1]
        commits = zip(fields[::4], fields[1::4], fields[2::4], fields[3::4], strict=True)
        return [(sha.strip(), date, note if note.strip() else text) for sha, date, text, note in commits]

    def add_note(self, commit: str, text: str) -> bool:
        """Put a note on a commit, in the place of one that is there; False where others added one meanwhile."""
        new = f"{NOTES}-new"
        there = self._git.local("for-each-ref", "--format=%(objectname)", NOTES).strip()
        self._git.local("update-ref", *((new, there) if there else ("-d", new)))
        self._git.local("notes", f"--ref={new}", "add", "--force", "--file=-", commit, given=text.encode())
        try:
            self._git.remote("push", "--quiet", "--no-verify", "origin", f"{new}:{NOTES}")
        except (GitFailed, AccessRefused) as problem:
            explain_push(problem, f"{NOTES} of {self._repository.url}")
            return False
        self._git.local("update-ref", NOTES, new)
        return True

    def _fetch_or_start_anew(self) -> None:
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

    def _fetch(self) -> None:
        # As a pattern, because most repositories have no notes of ours.
        refspecs = (f"+{self._branch}:{self._branch}", f"+{NOTES}*:{BROUGHT}*")
        self._git.remote("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "origin", *refspecs)
        bring_notes(self._git)

    def _start_anew(self) -> None:
        with tempfile.TemporaryDirectory(dir=self.folder.parent, ignore_cleanup_errors=True) as scratch:
            self.folder.rename(Path(scratch) / "broken")
        self.prepare()
