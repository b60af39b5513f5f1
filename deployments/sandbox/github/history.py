"""Reads commits and differences out of a bare repository. Its other half, which writes, is bare_repository."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from deployments.sandbox.github.git_command import run_git

_FIELDS = ("%H", "%T", "%P", "%an", "%ae", "%aI", "%cn", "%ce", "%cI", "%B")
_FORMAT = "--format=tformat:" + "%x1f".join(_FIELDS)
_KINDS = {"A": "added", "D": "removed", "M": "modified", "T": "modified", "R": "renamed", "C": "copied"}
# What git compares a first commit with: the tree without entries, whose name is the same everywhere.
_EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


@dataclass(frozen=True)
class Signature:
    """Who wrote or committed a change, and when."""

    name: str
    email: str
    date: datetime

    @property
    def utc(self) -> str:
        """The date as the REST API writes it."""
        return self.date.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Commit:
    """One commit as git stores it."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Signature
    committer: Signature
    message: str


@dataclass(frozen=True)
class ChangedFile:
    """One file's part of a difference; binary files count no lines and have no patch."""

    path: str
    kind: str
    blob: str
    additions: int
    deletions: int
    previous_path: str | None


def read_commits(repository: Path, *revisions: str, limit: int = 2048) -> list[Commit]:
    """The commits that `git log` lists for revisions that the caller has already resolved, newest first."""
    raw = run_git(repository, "log", "-z", f"--max-count={limit}", _FORMAT, *revisions, "--")
    return [_commit(record) for record in raw.decode(errors="replace").split("\0") if record.strip()]


def _commit(record: str) -> Commit:
    sha, tree, parents, an, ae, ad, cn, ce, cd, message = record.split("\x1f", len(_FIELDS) - 1)
    return Commit(
        sha=sha.strip(),
        tree=tree,
        parents=tuple(parents.split()),
        author=Signature(an, ae, datetime.fromisoformat(ad)),
        committer=Signature(cn, ce, datetime.fromisoformat(cd)),
        message=message.rstrip("\n"),
    )


def changed_files(repository: Path, base: str | None, head: str, *, follow_renames: bool = True) -> list[ChangedFile]:
    """What differs from `base` to `head`; without a base, everything in `head` is added."""
    options = ["-r", "-z", "-M" if follow_renames else "--no-renames", base or _EMPTY_TREE, head]
    raw = run_git(repository, "diff-tree", "--raw", "--abbrev=40", *options).decode(errors="surrogateescape")
    counted = run_git(repository, "diff-tree", "--numstat", *options).decode(errors="surrogateescape")
    lines = _line_counts(counted)
    return [_changed_file(entry, lines) for entry in _raw_entries(raw)]


def _raw_entries(raw: str) -> list[list[str]]:
    """`:mode mode blob blob STATUS` and one path, or two where the status is a rename or a copy."""
    words, entries = iter(raw.split("\0")[:-1]), []
    for head in words:
        paths = [next(words)]
        if head.rsplit(" ", 1)[1][0] in "RC":
            paths.append(next(words))
        entries.append([head, *paths])
    return entries


def _line_counts(counted: str) -> dict[str, tuple[int, int]]:
    words, counts = iter(counted.split("\0")[:-1]), {}
    for word in words:
        added, deleted, path = word.split("\t", 2)
        if not path:  # A rename: the old and the new path follow.
            next(words)
            path = next(words)
        counts[path] = (0, 0) if added == "-" else (int(added), int(deleted))
    return counts


def _changed_file(entry: list[str], lines: dict[str, tuple[int, int]]) -> ChangedFile:
    _, _, old_blob, new_blob, status = entry[0].split(" ")
    path = entry[-1]
    additions, deletions = lines.get(path, (0, 0))
    return ChangedFile(
        path=path,
        kind=_KINDS[status[0]],
        blob=old_blob if status == "D" else new_blob,
        additions=additions,
        deletions=deletions,
        previous_path=entry[1] if len(entry) == 3 else None,
    )


def patch_of(repository: Path, base: str | None, head: str, path: str) -> str | None:
    """The hunks of one file, as the REST API shows them; None for a binary file or a pure rename."""
    text = run_git(repository, "diff", "--no-ext-diff", "-M", base or _EMPTY_TREE, head, "--", f":(literal){path}")
    start = text.find(b"\n@@")
    return text[start + 1 :].decode(errors="replace").rstrip("\n") if start >= 0 else None
