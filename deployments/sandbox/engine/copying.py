"""COPY: which files of a context or of another stage land where, and whose they are there."""

import fnmatch
import posixpath
import tarfile
from dataclasses import dataclass, replace

from deployments.sandbox.engine.dockerfile import CannotBuild
from deployments.sandbox.engine.files import File, Tree, add_parents, clean, resolve

_COPYABLE = (tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE)


@dataclass(frozen=True, slots=True)
class Copy:
    """What one COPY asks for; the destination is absolute, with a slash at its end where it must be a folder.

    Without an owner (user and group), files keep theirs.
    """

    sources: tuple[str, ...]
    destination: str
    owner: tuple[int, int] | None = None


def copy_files(copy: Copy, source: Tree, stage: Tree) -> Tree:
    """Put the files into the stage and give those that are new in it; raises CannotBuild where one is not there."""
    found = [path for pattern in copy.sources for path in _select(source, pattern)]
    into_folder = copy.destination.endswith("/") or _is_folder(stage, copy.destination)
    if len(found) > 1 and not copy.destination.endswith("/"):
        raise CannotBuild("COPY of more than one file needs a destination that ends with a slash")
    new: Tree = {}
    for path in found:
        inside = resolve(source, path)
        if not inside or source[inside].is_folder:
            _copy_folder(copy, source, inside, stage, new)
        else:
            target = posixpath.join(copy.destination, posixpath.basename(path)) if into_folder else copy.destination
            _put(copy, source[inside], target, stage, new)
    return new


def read_owner(chown: str, stage: Tree) -> tuple[int, int]:
    """The numbers of `user[:group]`; names are looked up in the stage's /etc/passwd and /etc/group."""
    user, colon, group = chown.partition(":")
    user_number = _number(user, "etc/passwd", stage)
    return user_number, _number(group, "etc/group", stage) if colon else user_number


def _select(tree: Tree, pattern: str) -> list[str]:
    wanted = posixpath.normpath(pattern.lstrip("/") or ".")
    if wanted.split("/")[0] == "..":
        raise CannotBuild(f"COPY {pattern} leads out of the build context; copy from inside of it")
    if wanted == ".":
        return [""]
    parts = wanted.split("/")
    if any(sign in wanted for sign in "*?["):
        matching = [path for path in tree if _matches(path.split("/"), parts)]
    else:
        matching = [wanted]
    # A link that leads nowhere, or out of the tree, is as good as not there.
    matching = [path for path in matching if resolve(tree, path) in tree]
    if not matching:
        raise CannotBuild(f"COPY found no {pattern}; it is not there or .dockerignore leaves it out")
    return sorted(matching)


def _matches(path: list[str], pattern: list[str]) -> bool:
    pairs = zip(path, pattern, strict=False)
    return len(path) == len(pattern) and all(fnmatch.fnmatchcase(part, wanted) for part, wanted in pairs)


def _copy_folder(copy: Copy, source: Tree, folder: str, stage: Tree, new: Tree) -> None:
    """What is in the folder, not the folder itself, as COPY has it."""
    _put(copy, File(tarfile.DIRTYPE, 0o755), copy.destination, stage, new)
    start = f"{folder}/" if folder else ""
    for path in sorted(path for path in source if path.startswith(start)):
        _put(copy, source[path], posixpath.join(copy.destination, path.removeprefix(start)), stage, new)


def _put(copy: Copy, file: File, target: str, stage: Tree, new: Tree) -> None:
    if file.kind not in _COPYABLE:
        raise CannotBuild(f"COPY of {target}: it is neither a file nor a folder nor a link")
    folder, name = posixpath.split(clean(target))
    path = posixpath.join(resolve(stage, folder), name)
    if _is_folder(stage, path):
        if not file.is_folder:
            raise CannotBuild(f"COPY cannot put a file in place of the folder /{path}")
        return
    if file.is_folder and path in stage:
        raise CannotBuild(f"COPY cannot put a folder in place of the file /{path}")
    user, group = copy.owner or (0, 0)
    new |= add_parents(stage, path, user=user, group=group)
    stage[path] = new[path] = replace(file, user=user, group=group) if copy.owner else file


def _is_folder(tree: Tree, path: str) -> bool:
    inside = resolve(tree, clean(path))
    return not inside or (inside in tree and tree[inside].is_folder)


def _number(name: str, file: str, stage: Tree) -> int:
    if name.isdecimal():
        return int(name)
    known = stage[file].content.decode(errors="replace") if file in stage else ""
    for line in known.splitlines():
        fields = line.split(":")
        if fields[0] == name and len(fields) > 2 and fields[2].isdecimal():
            return int(fields[2])
    raise CannotBuild(f"--chown names {name!r}, which /{file} of the base image does not have; give its number")
