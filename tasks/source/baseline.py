"""What was found in commits of the mainline, kept in the cache folder for those that come after; nothing but a cache.

Where it is lost, it comes with the gate results of a signed image (flows.integration.earlier). Where there is none, the
next commit has no baseline and every finding in it is new: the gate is stricter, never weaker.
"""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from blocks.github import GitHub
from tasks.domain.gates.baseline import Baseline, baseline_text, parse_baseline
from tasks.source.mirror import cache_folder, folder_name

_KEPT = 500


def find_baseline(github: GitHub, repository: str, application: str, commits: Iterable[str]) -> Baseline | None:
    """The baseline of the first of these commits that has one."""
    folder = _folder(github, repository, application)
    for commit in commits:
        try:
            found = parse_baseline((folder / f"{commit}.json").read_text(encoding="utf-8"), commit)
        except (OSError, UnicodeDecodeError):
            continue
        if found is not None:
            return found
    return None


def keep_baseline(github: GitHub, repository: str, application: str, baseline: Baseline) -> None:
    """Keep it for later commits, and forget the oldest of many; a reader sees the whole file or none."""
    folder = _folder(github, repository, application)
    folder.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=folder, suffix=".part")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(baseline_text(baseline))
    Path(name).replace(folder / f"{baseline.commit}.json")
    by_age = sorted(folder.glob("*.json"), key=lambda one: one.stat().st_mtime, reverse=True)
    for old in by_age[_KEPT:]:
        old.unlink(missing_ok=True)


def _folder(github: GitHub, repository: str, application: str) -> Path:
    return cache_folder() / "findings" / folder_name(github.clone_url(repository)) / application
