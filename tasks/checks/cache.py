"""What toolchains fetched for earlier runs, kept on this machine by lock file; nothing but a cache.

A run gets a copy of its own, so that runs do not disturb each other, and no code of a pull request can change what the
mainline will use; only the mainline's runs are kept.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from tasks.domain.toolchain.recognition import LOCK_FILES, ToolchainName

_LIMIT_VARIABLE, _LIMIT_GB = "TIDEGATE_CACHE_LIMIT_GB", 10.0
_GB = 1024**3
_PASSED_OVER = {".git", ".venv", "node_modules", "vendor", "target", "build"}
_MOST_LOCK_FILES = 1000
_LARGEST_LOCK_FILE = 32 * 1024 * 1024
_UNFINISHED_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True)
class CachePlace:
    """One application's cache of one toolchain; `root` holds those of all, `owner` is the application's folder."""

    root: Path
    owner: str
    toolchain: ToolchainName
    key: str

    @property
    def folder(self) -> Path:
        """All that is kept for the application and the toolchain, by key."""
        return self.root / self.owner / self.toolchain


def cache_key(tree: Path, toolchain: ToolchainName) -> str:
    """Changes with any lock file of the toolchain in the tree, and with nothing else."""
    digest = hashlib.sha256(toolchain.encode())
    for path in sorted(_lock_files(tree, LOCK_FILES[toolchain]))[:_MOST_LOCK_FILES]:
        digest.update(f"\0{path.relative_to(tree)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:32]


def restore_cache(place: CachePlace, into: Path) -> str:
    """Copy what is kept to the folder `into`, else what was kept last for other lock files; says which it was."""
    into.mkdir(parents=True, exist_ok=True)
    with _locked(place.root, fcntl.LOCK_SH):
        kept = sorted(place.folder.glob("*/used"), key=lambda used: used.stat().st_mtime, reverse=True)
        exact = place.folder / place.key / "used"
        found = exact if exact in kept else next(iter(kept), None)
        if found is None:
            return "cold: nothing is kept"
        copy_tree(found.parent / "files", into)
        found.touch()
    return "warm" if found == exact else "warm: kept for other lock files"


def keep_cache(place: CachePlace, source: Path, *, limit_bytes: int | None = None) -> bool:
    """Keep a copy for later runs, unless these lock files have one; forget what was not used longest above the limit.

    The limit is for all applications together; left out, TIDEGATE_CACHE_LIMIT_GB or 10 GB.
    """
    target = place.folder / place.key
    if target.exists() or not any(source.iterdir()):
        return False
    place.folder.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix="unfinished-", dir=place.root))
    try:
        copy_tree(source, part / "files")
        (part / "used").write_text(str(_bytes_of(part / "files")))
        with _locked(place.root, fcntl.LOCK_EX):
            if target.exists():
                return False
            part.rename(target)
            _forget(place.root, _limit() if limit_bytes is None else limit_bytes)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return True


def copy_tree(source: Path, target: Path) -> None:
    """The files, links as links, with their times and rights; without their blocks where the file system can."""
    subprocess.run(
        ["cp", "--archive", "--reflink=auto", "--no-target-directory", "--", str(source), str(target)],
        check=True,
        capture_output=True,
    )


def _lock_files(tree: Path, patterns: tuple[str, ...]) -> Iterator[Path]:
    for folder, folders, names in os.walk(tree):
        folders[:] = sorted(name for name in folders if name not in _PASSED_OVER)
        for name in names:
            path = Path(folder) / name
            is_meant = any(fnmatchcase(name, pattern) for pattern in patterns)
            if is_meant and path.is_file() and not path.is_symlink() and path.stat().st_size <= _LARGEST_LOCK_FILE:
                yield path


def _limit() -> int:
    return int(float(os.environ.get(_LIMIT_VARIABLE) or _LIMIT_GB) * _GB)


def _forget(root: Path, limit: int) -> None:
    entries = sorted(root.glob("*/*/*/used"), key=lambda used: used.stat().st_mtime, reverse=True)
    total = 0
    for used in entries:
        total += int(used.read_text() or 0)
        if total > limit:
            shutil.rmtree(used.parent, ignore_errors=True)
    for part in root.glob("unfinished-*"):
        # Of a run that was killed.
        if time.time() - part.stat().st_mtime > _UNFINISHED_SECONDS:
            shutil.rmtree(part, ignore_errors=True)


def _bytes_of(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += (Path(parent) / name).lstat().st_size
    return total


@contextmanager
def _locked(root: Path, how: int) -> Iterator[None]:
    root.mkdir(parents=True, exist_ok=True)
    with (root / ".lock").open("w") as lock:
        fcntl.flock(lock, how)
        yield
