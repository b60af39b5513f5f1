"""Applies an image layer to a folder and never writes outside it, whatever the layer says.

The outside rule is https://github.com/opencontainers/image-spec/blob/v1.1.0/layer.md. Owners, devices, pipes and the
set-user bits are left out: nothing runs as another user here.
"""

import os
import shutil
import tarfile
from pathlib import Path

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_MOST_LINKS = 40


class UnsafeLayer(Exception):
    """The layer would reach outside its folder, or is not a layer; the message names the entry."""


def apply_layer(layer: Path, root: Path) -> None:
    """Unpack the tar file, compressed with gzip or not, over what is in `root`; raises UnsafeLayer."""
    try:
        with tarfile.open(layer) as archive:
            members = archive.getmembers()
            # A whiteout hides what lower layers have, never what its own layer adds, in whichever order they come.
            for member in members:
                if _name(member).startswith(_WHITEOUT):
                    _erase(root, member)
            for member in members:
                if not _name(member).startswith(_WHITEOUT):
                    _extract(archive, member, root)
    except (tarfile.TarError, EOFError, OSError) as problem:
        raise UnsafeLayer(f"the layer cannot be unpacked: {problem}") from problem


def resolve_inside(root: Path, path: str, *, start: Path | None = None) -> Path:
    """The real place of `path` below `root`, seen from there as from a chroot; raises UnsafeLayer where it leaves it.

    Links are followed one by one; a link to an absolute path means one below `root`. Parts that do not exist are kept.
    """
    place = root if path.startswith("/") or start is None else start
    left = _parts(path)
    links = 0
    while left:
        part = left.pop(0)
        if part == "..":
            if place == root:
                raise UnsafeLayer(f"{path!r} leads out of the image")
            place = place.parent
            continue
        place /= part
        if place.is_symlink():
            links += 1
            if links > _MOST_LINKS:
                raise UnsafeLayer(f"{path!r} goes through too many links")
            target = str(place.readlink())
            place = root if target.startswith("/") else place.parent
            left = _parts(target) + left
    return place


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]


def _name(member: tarfile.TarInfo) -> str:
    return member.name.rstrip("/").rpartition("/")[2]


def _place(root: Path, name: str) -> Path:
    """Where an entry goes: its folder with links followed, its last part as it is."""
    parts = _parts(name)
    if ".." in parts:
        raise UnsafeLayer(f"{name!r} leads out of the image")
    return resolve_inside(root, "/".join(parts[:-1])) / parts[-1] if parts else root


def _erase(root: Path, member: tarfile.TarInfo) -> None:
    whiteout = _place(root, member.name)
    if whiteout.name == _OPAQUE:
        hidden = list(whiteout.parent.iterdir()) if whiteout.parent.is_dir() else []
    else:
        name = whiteout.name.removeprefix(_WHITEOUT)
        if name in ("", ".", ".."):
            raise UnsafeLayer(f"{member.name!r} erases no file of its folder")
        hidden = [whiteout.parent / name]
    for path in hidden:
        _remove(path)


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, root: Path) -> None:
    place = _place(root, member.name)
    if place == root:
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    if not (member.isdir() and place.is_dir() and not place.is_symlink()):
        _remove(place)
    if member.isdir():
        place.mkdir(exist_ok=True)
        # Ours to write in and to remove, whatever the image says.
        place.chmod(0o700 | member.mode & 0o777)
    elif member.issym():
        _link(root, place, member.linkname)
    elif member.islnk():
        _hard_link(root, place, member.linkname)
    elif member.isfile():
        source = archive.extractfile(member)
        with place.open("xb") as target:
            shutil.copyfileobj(source, target)  # type: ignore[arg-type]  # a regular file has content
        place.chmod(0o400 | member.mode & 0o777)


def _link(root: Path, place: Path, target: str) -> None:
    resolve_inside(root, target, start=place.parent)
    if target.startswith("/"):
        # Nothing is chrooted: an absolute link would mean this machine's file.
        target = os.path.relpath(root / target.lstrip("/"), place.parent)
    place.symlink_to(target)


def _hard_link(root: Path, place: Path, target: str) -> None:
    source = _place(root, target)
    if source.is_symlink() or not source.is_file():
        raise UnsafeLayer(f"{target!r} is linked to and is no file of the image")
    os.link(source, place, follow_symlinks=False)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
