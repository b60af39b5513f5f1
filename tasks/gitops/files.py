"""Reads text files of one commit out of the mirror; what is not in it yet is fetched at once, not one by one."""

from collections.abc import Iterator, Mapping, Sequence

from tasks.domain.errors import ConfigurationError, InvalidManifest
from tasks.git_command import GitFailed
from tasks.gitops.commit_stream import TreeFile
from tasks.gitops.git import MirrorGit

_EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"

# InvalidManifest stands for what is there, but is no text file; None for a file that is not.
Found = TreeFile | InvalidManifest | None


def read_files(git: MirrorGit, revision: str, paths: Sequence[str]) -> Mapping[str, Found]:
    """The files in that commit, by path."""
    wanted = sorted(set(paths))
    found: dict[str, Found] = dict.fromkeys(wanted)
    if not wanted:
        return found
    blobs: dict[str, tuple[str, str]] = {}
    listing = git.local("ls-tree", "-z", "--full-tree", "--end-of-options", revision, "--", *wanted)
    for entry in listing.split("\0")[:-1]:
        about, _, path = entry.partition("\t")
        mode, kind, blob = about.split(" ")
        if kind == "blob" and mode.startswith("100"):
            blobs[path] = (mode, blob)
        else:
            found[path] = InvalidManifest(f"{path}: this is a folder or a link; name the file itself")
    contents = _contents(git, revision, list(blobs), [blob for _, blob in blobs.values()])
    for (path, (mode, _)), content in zip(blobs.items(), contents, strict=True):
        found[path] = _text_file(path, mode, content)
    return found


def _contents(git: MirrorGit, revision: str, paths: list[str], blobs: list[str]) -> Iterator[bytes]:
    if not paths:
        return
    try:
        # A comparison makes git fetch all contents that are not here in one go; cat-file fetches each by itself.
        git.remote("diff-tree", "-r", "--numstat", _EMPTY_TREE, f"{revision}^{{tree}}", "--", *paths)
    except GitFailed as problem:
        if "from promisor remote" not in problem.complaint:
            raise
        # https://git-scm.com/docs/git-config, protocol.version
        raise ConfigurationError(
            f"{git.url} hands out no single files; let its server speak version 2 of git's protocol "
            "(for sshd: AcceptEnv GIT_PROTOCOL)"
        ) from problem
    output = git.remote("cat-file", "--batch", given="".join(f"{blob}\n" for blob in blobs).encode())
    at = 0
    for _ in blobs:
        # A line with hash, kind and size; the content; and a line end.
        start = output.index(b"\n", at) + 1
        end = start + int(output[at:start].split()[2])
        yield output[start:end]
        at = end + 1


def _text_file(path: str, mode: str, content: bytes) -> TreeFile | InvalidManifest:
    try:
        return TreeFile(path, mode, content.decode("utf-8"))
    except UnicodeDecodeError as problem:
        line = content.count(b"\n", 0, problem.start) + 1
        return InvalidManifest(f"{path}:{line}: this is not UTF-8; save the file in that encoding")
