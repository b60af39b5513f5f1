"""What is new between the commit that an environment runs and a candidate: whose work, and how much."""

from dataclasses import dataclass
from enum import StrEnum


class Position(StrEnum):
    """Where a commit stands relative to another, in GitHub's words (https://docs.github.com/rest/commits/commits)."""

    AHEAD = "ahead"
    BEHIND = "behind"
    DIVERGED = "diverged"
    IDENTICAL = "identical"


@dataclass(frozen=True, slots=True)
class NewCommit:
    """One commit of a change set; all but the SHA is text from outside."""

    sha: str
    subject: str
    author_name: str
    author_email: str = ""
    author_login: str = ""


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """The commits from `base` (left out) to `head`, oldest first; `total` counts those that are not listed too."""

    base: str | None
    head: str
    position: Position
    commits: tuple[NewCommit, ...]
    total: int

    @property
    def authors(self) -> frozenset[str]:
        """Every name, login and mail address under which somebody wrote part of it."""
        named = ((c.author_name, c.author_email, c.author_login) for c in self.commits)
        return frozenset(name for names in named for name in names if name)
