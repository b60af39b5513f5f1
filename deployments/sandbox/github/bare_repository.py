"""A bare git repository that people push to, and the commits and merges that GitHub itself makes in it."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from deployments.sandbox.github.git_command import GitRefused, run_git

NOTHING = "0" * 40  # How git names the absence of a commit.

# Anything that any branch, tag or pull request reaches may be asked for by its name, and in part, as on GitHub.
_SETTINGS = {
    "uploadpack.allowFilter": "true",
    "uploadpack.allowReachableSHA1InWant": "true",
    "uploadpack.allowAnySHA1InWant": "true",
    "receive.hideRefs": "refs/pull",
    "receive.autogc": "false",
    "gc.auto": "0",
}
# Tells the server which references a push has really moved, after git has moved them.
_POST_RECEIVE = '#!/bin/sh\n[ -z "$SANDBOX_REF_UPDATES" ] || cat >> "$SANDBOX_REF_UPDATES"\n'


@dataclass(frozen=True)
class Identity:
    """Who a commit names as its author or committer."""

    name: str
    email: str


@dataclass(frozen=True)
class BareRepository:
    """Where the repository lies."""

    path: Path

    def create(self, default_branch: str) -> None:
        """Make the repository; its default branch is born with the first commit."""
        self.path.mkdir(parents=True)
        run_git(self.path, "init", "--quiet", "--bare", "--template=", f"--initial-branch={default_branch}")
        for name, value in _SETTINGS.items():
            run_git(self.path, "config", name, value)
        hook = self.path / "hooks" / "post-receive"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(_POST_RECEIVE)
        hook.chmod(0o755)

    def resolve(self, revision: str, kind: str = "commit") -> str | None:
        """The full name of what a branch, a tag or a commit's name stands for; None where there is none."""
        if not revision or ":" in revision or "@{" in revision or revision.startswith("^"):
            return None
        try:
            name = f"{revision}^{{{kind}}}"
            raw = run_git(self.path, "rev-parse", "--verify", "--quiet", "--end-of-options", name)
        except GitRefused:
            return None
        return raw.decode().strip()

    def head(self, branch: str) -> str | None:
        """The commit at the tip of a branch; None where the branch does not exist."""
        return self.resolve(f"refs/heads/{branch}")

    def is_ancestor(self, ancestor: str, descendant: str) -> bool:
        """Whether the one commit is in the history of the other."""
        try:
            run_git(self.path, "merge-base", "--is-ancestor", ancestor, descendant)
        except GitRefused:
            return False
        return True

    def merge_base(self, one: str, other: str) -> str | None:
        """The newest common ancestor; None for unrelated histories."""
        try:
            return run_git(self.path, "merge-base", one, other).decode().strip()
        except GitRefused:
            return None

    def count(self, base: str, head: str) -> int:
        """How many commits `head` has that `base` has not."""
        return int(run_git(self.path, "rev-list", "--count", f"{base}..{head}"))

    def move(self, reference: str, new: str, old: str) -> None:
        """Point a reference elsewhere; raises GitRefused if it is no longer at `old` (NOTHING: not there yet)."""
        run_git(self.path, "check-ref-format", reference)
        run_git(self.path, "update-ref", reference, new, old)

    def merged_tree(self, base: str, head: str) -> str | None:
        """The files of a merge of both commits; None where git finds a conflict."""
        try:
            return run_git(self.path, "merge-tree", "--write-tree", base, head).decode().strip()
        except GitRefused:
            return None

    def tree_with(self, parent: str | None, files: Mapping[str, str | None]) -> str:
        """The files of `parent` with some replaced, added, or (None) removed; keeps the mode of those that exist."""
        with tempfile.TemporaryDirectory() as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            if parent:
                run_git(self.path, "read-tree", parent, environment=index)
            modes = self._modes(parent)
            entries = "".join(self._index_entry(path, text, modes) for path, text in files.items())
            run_git(self.path, "update-index", "-z", "--index-info", stdin=entries.encode(), environment=index)
            return run_git(self.path, "write-tree", environment=index).decode().strip()

    def _modes(self, parent: str | None) -> dict[str, str]:
        if parent is None:
            return {}
        listing = run_git(self.path, "ls-tree", "-r", "-z", parent).decode(errors="surrogateescape")
        entries = (line.split("\t", 1) for line in listing.split("\0")[:-1])
        return {path: facts.split(" ")[0] for facts, path in entries}

    def _index_entry(self, path: str, text: str | None, modes: Mapping[str, str]) -> str:
        # git would leave such a path out with a warning only.
        parts = PurePosixPath(path).parts
        if not parts or parts[0] == "/" or any(part in ("..", ".git") for part in parts) or "\0" in path:
            raise ValueError(f"{path!r} is not a path inside a repository")
        if text is None:
            return f"0 {NOTHING}\t{path}\0"
        blob = run_git(self.path, "hash-object", "-w", "--stdin", stdin=text.encode()).decode().strip()
        return f"{modes.get(path, '100644')} {blob}\t{path}\0"

    def commit_tree(
        self, tree: str, parents: list[str], message: str, author: Identity, committer: Identity | None = None
    ) -> str:
        """Write a commit, on no branch yet."""
        committer = committer or author
        who = {
            "GIT_AUTHOR_NAME": author.name,
            "GIT_AUTHOR_EMAIL": author.email,
            "GIT_COMMITTER_NAME": committer.name,
            "GIT_COMMITTER_EMAIL": committer.email,
        }
        options = [word for parent in parents for word in ("-p", parent)]
        raw = run_git(self.path, "commit-tree", tree, *options, stdin=message.encode(), environment=who)
        return raw.decode().strip()
