"""Commits on top of a revision as one stream for `git fast-import`: no index, no work tree, one process for all.

The format is that of https://git-scm.com/docs/git-fast-import. Folders that nothing changes are taken over by their
hashes, so it matters little how many files the repository has.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

# Where the newest batch stands until it is pushed, so that nothing of it is collected meanwhile.
BATCH = "refs/tidegate/batch"


@dataclass(frozen=True, slots=True)
class TreeFile:
    """A text file in one commit; `mode` is git's, such as 100644."""

    path: str
    mode: str
    text: str


@dataclass(frozen=True, slots=True)
class NewCommit:
    """A commit to be made; without files it changes none."""

    message: str
    files: tuple[TreeFile, ...] = ()


def import_stream(parent: str, commits: Sequence[NewCommit], committer: str) -> bytes:
    """What fast-import reads; it prints the SHA of each commit on a line.

    `committer` is NAME <ADDRESS>.
    """
    parts = [b"feature done\n"]
    mark, before = 0, parent
    for commit in commits:
        own = mark + len(commit.files) + 1
        parts.extend(_commit(commit, mark, before, committer))
        mark, before = own, f":{own}"
    return b"".join([*parts, b"done\n"])


def identity(name: str, email: str) -> str:
    """A person as git writes one; marks that have a meaning there are left out, as git itself does."""
    plain = str.maketrans("", "", "<>\n\0")
    return f"{name.translate(plain).strip()} <{email.translate(plain).strip()}>"


def _commit(commit: NewCommit, mark: int, before: str, committer: str) -> Iterator[bytes]:
    """`mark` is the last one before this commit; its files get the next ones, and it the one after these."""
    blobs = {f":{number}": file for number, file in enumerate(commit.files, mark + 1)}
    own = f":{mark + len(blobs) + 1}"
    for blob, file in blobs.items():
        yield f"blob\nmark {blob}\n".encode() + _data(file.text)
    yield f"commit {BATCH}\nmark {own}\ncommitter {committer} now\n".encode() + _data(commit.message)
    yield f"from {before}\n".encode()
    for blob, file in blobs.items():
        yield f"M {file.mode} {blob} {_quoted(file.path)}\n".encode()
    yield f"\nget-mark {own}\n".encode()


def _data(text: str) -> bytes:
    content = text.encode()
    return b"data %d\n%b\n" % (len(content), content)


def _quoted(path: str) -> str:
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
