"""Commands in comments: a line that begins with a slash, such as /retest."""

import re
from dataclasses import dataclass
from typing import Literal

from tasks.domain.event.asked import Asked
from tasks.domain.image import COMMIT

_COMMANDS = {"/retest": Asked.RETEST, "/ok-to-test": Asked.OK_TO_TEST}
_OPINIONS: dict[str, Literal["approve", "reject"]] = {"/approve": "approve", "/reject": "reject"}
# So much of a SHA that nobody means another commit by it.
_BEGINNING = re.compile(r"[0-9a-f]{7,40}")
_LONGEST = 65_536


@dataclass(frozen=True, slots=True)
class Command:
    """What somebody asks for, and the full SHA that they have read."""

    asked: Asked
    commit: str | None = None


@dataclass(frozen=True, slots=True)
class Opinion:
    """What somebody thinks of promoting a commit, by the beginning of its SHA, to an environment."""

    decision: Literal["approve", "reject"]
    environment: str
    commit: str
    comment: str


@dataclass(frozen=True, slots=True)
class Incomplete:
    """A command that misses something, and how it is written."""

    form: str


def parse_command(body: str) -> Command | Opinion | Incomplete | None:
    """The first command of a comment; None where there is none.

    One that is quoted or indented, as in an explanation of it, is none.
    """
    for line in body[:_LONGEST].splitlines():
        word, *rest = line.split() if line.startswith("/") else [""]
        if word in _COMMANDS:
            commit = rest[0].lower() if rest else ""
            return Command(_COMMANDS[word], commit if COMMIT.fullmatch(commit) else None)
        if word in _OPINIONS:
            return _opinion(word, rest)
    return None


def _opinion(word: str, rest: list[str]) -> Opinion | Incomplete:
    if len(rest) < 2 or not _BEGINNING.fullmatch(rest[1].lower()):
        return Incomplete(f"`{word} ENVIRONMENT COMMIT`, with at least seven digits of the commit")
    return Opinion(_OPINIONS[word], rest[0], rest[1].lower(), " ".join(rest[2:]))
