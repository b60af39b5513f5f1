"""The files that checks run in: what they show of a toolchain, and a copy for each check, owned by whom it runs as."""

import os
import pwd
import stat
from pathlib import Path

from tasks.checks.cache import copy_tree
from tasks.domain.errors import ConfigurationError
from tasks.domain.toolchain.recognition import READ_FILES, TreeFacts

_LARGEST_FILE = 4 * 1024 * 1024


def read_tree_facts(tree: Path) -> TreeFacts:
    """The names in the root, and the files there that default checks depend on; links are names and nothing more."""
    names = frozenset(entry.name for entry in os.scandir(tree))
    texts = {name: text for name in READ_FILES if name in names and (text := _text(tree / name)) is not None}
    return TreeFacts(names, texts)


def own_copy(tree: Path, name: str, *, user: str | None = None) -> Path:
    """A copy beside the tree for one check, so that no other check can change what it reads or reports."""
    copy = tree.parent / f"{tree.name}-{name}"
    copy_tree(tree, copy)
    give_to(copy, user)
    return copy


def give_to(folder: Path, user: str | None) -> None:
    """Let the user own the folder with all that is in it, and find the way to it; raises ConfigurationError."""
    if user is None:
        return
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise ConfigurationError(f"there is no user {user!r} on this worker; add one, or name another") from None
    if entry.pw_uid == os.geteuid():
        return
    if os.geteuid() != 0:
        raise ConfigurationError(f"only root can run checks as {user!r}; start the worker as root, or as that user")
    folder.parent.chmod(stat.S_IMODE(folder.parent.stat().st_mode) | stat.S_IXGRP | stat.S_IXOTH)
    for parent, folders, files in os.walk(folder):
        os.chown(parent, entry.pw_uid, entry.pw_gid)
        for name in (*folders, *files):
            os.chown(Path(parent) / name, entry.pw_uid, entry.pw_gid, follow_symlinks=False)


def _text(path: Path) -> str | None:
    if path.is_symlink() or not path.is_file() or path.stat().st_size > _LARGEST_FILE:
        return None
    return path.read_text(encoding="utf-8", errors="replace")
