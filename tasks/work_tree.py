"""The files of a build in a checked-out work tree: none outside of it, each with the same time in every checkout."""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from tasks.domain.delivery.build import Build
from tasks.domain.errors import ConfigurationError

_LARGEST_DOCKERFILE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class BuildFiles:
    """Where the context and the Dockerfile are, links resolved."""

    context: Path
    dockerfile: Path


def build_files(tree: Path, build: Build) -> BuildFiles:
    """Raises ConfigurationError where one of both is not there or leads out of the tree."""
    context, dockerfile = (tree / build.context).resolve(), (tree / build.dockerfile).resolve()
    for path, is_there in ((build.context, context.is_dir()), (build.dockerfile, dockerfile.is_file())):
        if not is_there:
            raise ConfigurationError(f"{path} is not in the repository; correct `build` of the application")
    ignore = context / ".dockerignore"
    if not all(path.resolve().is_relative_to(tree.resolve()) for path in (context, dockerfile, ignore)):
        raise ConfigurationError(f"{build.context} or {build.dockerfile} leads out of the repository; use plain files")
    return BuildFiles(context, dockerfile)


def read_dockerfile(tree: Path, build: Build) -> str:
    """The Dockerfile's text; empty where there is none, which the build says better. Raises as build_files does."""
    if not (tree / build.dockerfile).is_file():
        return ""
    with build_files(tree, build).dockerfile.open(errors="replace") as file:
        return file.read(_LARGEST_DOCKERFILE)


def set_times(folder: Path, seconds: int) -> None:
    """Give everything in the folder this time, in seconds since 1970: an engine copies files with the times they have.

    git gives the time of the checkout, which would make each build of a commit another one.
    """
    for root, folders, files in os.walk(folder):
        for name in (*folders, *files):
            # What disappears meanwhile, or cannot be changed, is not ours to judge.
            with contextlib.suppress(OSError):
                os.utime(Path(root) / name, (seconds, seconds), follow_symlinks=False)
