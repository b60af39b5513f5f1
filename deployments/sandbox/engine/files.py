"""Trees of files without a file system: what a layer adds to an image, and what a build context holds.

Nothing is ever unpacked to this machine's disk, so no path and no link in an image or a context can leave it.
"""

import io
import posixpath
import tarfile
from dataclasses import dataclass

from deployments.sandbox.engine.dockerfile import CannotBuild
from deployments.sandbox.engine.image import Layer, new_layer

_REMOVED = ".wh."
_FOLDER_EMPTIED = ".wh..wh..opq"
_KINDS = {tarfile.AREGTYPE: tarfile.REGTYPE, tarfile.CONTTYPE: tarfile.REGTYPE}


@dataclass(frozen=True, slots=True)
class File:
    """A file, a folder or a symbolic link; `kind` is tar's type of it."""

    kind: bytes
    mode: int
    user: int = 0
    group: int = 0
    link: str = ""
    content: bytes = b""

    @property
    def is_folder(self) -> bool:
        """Whether other files can be in it."""
        return self.kind == tarfile.DIRTYPE


# By path, without a slash at either end; a folder is there before what is in it.
Tree = dict[str, File]


def add_tar(tree: Tree, tar: bytes) -> None:
    """Lay a tar over the tree, with OCI's whiteouts; raises tarfile.TarError where it is none."""
    with tarfile.open(fileobj=io.BytesIO(tar), mode="r:*") as archive:
        for member in archive:
            path = clean(member.name)
            folder, name = posixpath.split(path)
            if name == _FOLDER_EMPTIED:
                _remove(tree, folder, itself=False)
            elif name.startswith(_REMOVED):
                _remove(tree, posixpath.join(folder, name.removeprefix(_REMOVED)), itself=True)
            elif path:
                _add_member(tree, path, member, archive)


def clean(path: str) -> str:
    """The path inside a tree, from its root; what would lead above the root ends there."""
    return posixpath.normpath(f"/{path}").lstrip("/")


def add_parents(tree: Tree, path: str, *, user: int = 0, group: int = 0) -> Tree:
    """Add the folders above a path that are missing, and give those."""
    new: Tree = {}
    while path := posixpath.dirname(path):
        if path not in tree:
            new[path] = File(tarfile.DIRTYPE, 0o755, user, group)
    tree.update(new)
    return new


def resolve(tree: Tree, path: str) -> str:
    """The path with all links in it followed, as inside a container; raises CannotBuild where they go in circles."""
    done: list[str] = []
    left = path.split("/")
    hops = 0
    while left:
        part = left.pop(0)
        done = done[:-1] if part == ".." else done + [part] * (part not in ("", "."))
        file = tree.get("/".join(done))
        if file is not None and file.kind == tarfile.SYMTYPE:
            hops += 1
            if hops > 40:
                raise CannotBuild(f"{path} has too many links in it")
            done = [] if file.link.startswith("/") else done[:-1]
            left = file.link.split("/") + left
    return "/".join(done)


def write_layer(files: Tree, time: int) -> Layer:
    """A layer of these files, the same bytes for the same files; `time` in seconds since 1970."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, file in sorted(files.items()):
            member = tarfile.TarInfo(path)
            member.type, member.mode, member.linkname = file.kind, file.mode, file.link
            member.uid, member.gid, member.mtime, member.size = file.user, file.group, time, len(file.content)
            archive.addfile(member, io.BytesIO(file.content))
    return new_layer(buffer.getvalue())


def _add_member(tree: Tree, path: str, member: tarfile.TarInfo, archive: tarfile.TarFile) -> None:
    folder, name = posixpath.split(path)
    path = posixpath.join(resolve(tree, folder), name)
    add_parents(tree, path)
    kind = _KINDS.get(member.type, member.type)
    reader = archive.extractfile(member) if member.isreg() else None
    content = reader.read() if reader else b""
    file = File(kind, member.mode & 0o7777, member.uid, member.gid, member.linkname, content)
    if member.islnk():
        # A hard link is the same file once more.
        if (same := tree.get(clean(member.linkname))) is None:
            raise CannotBuild(f"{path} is a hard link to {member.linkname}, which is not there")
        file = same
    if not file.is_folder and path in tree:
        _remove(tree, path, itself=True)
    tree[path] = file


def _remove(tree: Tree, path: str, *, itself: bool) -> None:
    gone = [other for other in tree if (itself and other == path) or other.startswith(f"{path}/" if path else "")]
    for other in gone:
        del tree[other]
