"""What is new between the commit that an environment runs and a candidate: whose work, and how much."""

import re
from dataclasses import dataclass
from enum import StrEnum

# Wherever it stands in the message: who is named there had a part in it, also where git would not see a trailer.
_CO_AUTHOR = re.compile(r"^[ \t]*co-authored-by:[ \t]*([^<\n]*)(?:<([^>\n]*)>)?", re.IGNORECASE | re.MULTILINE)


class Position(StrEnum):
    """Where a commit stands relative to another, in GitHub's words (https://docs.github.com/rest/commits/commits)."""

    AHEAD = "ahead"
    BEHIND = "behind"
    DIVERGED = "diverged"
    IDENTICAL = "identical"


@dataclass(frozen=True, slots=True)
class NewCommit:
    """One commit of a change set; all but the SHA is text from outside.

    `others` are further names, logins and mail addresses in it: of the committer, and of co-authors.
    """

    sha: str
    subject: str
    author_name: str
    author_email: str = ""
    author_login: str = ""
    others: tuple[str, ...] = ()


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
        """Every name, login and mail address under which somebody wrote or committed part of it."""
        named = ((c.author_name, c.author_email, c.author_login, *c.others) for c in self.commits)
        return frozenset(name for names in named for name in names if name)


def co_authors(message: str) -> tuple[str, ...]:
    """The names and mail addresses in a commit message's Co-authored-by trailers.

    https://docs.github.com/pull-requests/committing-changes-to-your-project/creating-and-editing-commits/creating-a-commit-with-multiple-authors
    """
    return tuple(
        part for found in _CO_AUTHOR.finditer(message) for part in (found[1].strip(), (found[2] or "").strip()) if part
    )
