"""Which toolchain a commit's files belong to; more than one or none is said, never guessed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

ToolchainName = Literal["python", "node", "maven", "gradle", "go"]

# The files in the repository's root by which each is known.
_MARKS: Mapping[ToolchainName, tuple[str, ...]] = {
    "python": ("pyproject.toml", "requirements.txt", "setup.cfg", "setup.py"),
    "node": ("package.json",),
    "maven": ("pom.xml",),
    "gradle": ("build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts"),
    "go": ("go.mod",),
}
# What decides which packages a run fetches; the caches' key is made of these, wherever they lie.
LOCK_FILES: Mapping[ToolchainName, tuple[str, ...]] = {
    "python": ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "requirements*.txt", *_MARKS["python"]),
    "node": ("package-lock.json", "npm-shrinkwrap.json"),
    "maven": ("pom.xml",),
    "gradle": ("gradle.lockfile", "libs.versions.toml", "gradle-wrapper.properties", *_MARKS["gradle"]),
    "go": ("go.sum", "go.mod"),
}
# What default checks depend on beyond names.
READ_FILES = ("package.json", "pyproject.toml")


@dataclass(frozen=True, slots=True)
class TreeFacts:
    """The names in a commit's root, and the text of those of READ_FILES that are there."""

    names: frozenset[str]
    texts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recognised:
    """A toolchain and the files by which it is known."""

    toolchain: ToolchainName
    by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NotRecognised:
    """Why no toolchain could be named, and what to do."""

    reason: str


def recognise(tree: TreeFacts) -> Recognised | NotRecognised:
    """The one toolchain whose files lie in the root."""
    fitting = [
        Recognised(name, by)
        for name, marks in _MARKS.items()
        if (by := tuple(mark for mark in marks if mark in tree.names))
    ]
    if len(fitting) == 1:
        return fitting[0]
    remedy = "set the application's `toolchain`, or its `checks`, in the delivery configuration."
    if fitting:
        several = " and ".join(f"{one.toolchain} ({', '.join(one.by)})" for one in fitting)
        return NotRecognised(f"The repository's root fits several toolchains: {several}; {remedy}")
    marks = ", ".join(mark for some in _MARKS.values() for mark in some[:2])
    return NotRecognised(f"The repository's root has no file of a known toolchain ({marks}); {remedy}")
