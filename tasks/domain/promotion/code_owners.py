"""Who owns a file, by the repository's CODEOWNERS.

https://docs.github.com/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

# Where GitHub looks for it on the base branch; the first one counts.
PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
_OWNER = re.compile(r"@(?P<team>[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+)|@(?P<login>[A-Za-z0-9][A-Za-z0-9_-]*)")
_MAIL = re.compile(r"[^@\s]+@[^@\s]+")
# A pattern ends at the first blank that no backslash is before.
_LINE = re.compile(r"(?P<pattern>(?:\\.|[^\s\\])+)(?P<owners>\s.*)?")
_WILD = re.compile(r"\*\*/|/\*\*$|\*+|\?|\\.|.")


@dataclass(frozen=True, slots=True)
class CodeOwners:
    """Logins, and teams as ORGANISATION/TEAM; owners who are named by mail only are not among them."""

    logins: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()


def owners_of(path: str, code_owners: str) -> CodeOwners:
    """The owners in the last line that matches the path; nobody where that one names nobody, or none matches."""
    found: list[str] = []
    for pattern, owners in _rules(code_owners):
        if re.fullmatch(_expression(pattern), path):
            found = owners
    named = [match for owner in found if (match := _OWNER.fullmatch(owner))]
    logins = dict.fromkeys(match["login"] for match in named if match["login"])
    return CodeOwners(tuple(logins), tuple(dict.fromkeys(match["team"] for match in named if match["team"])))


def _rules(text: str) -> Iterator[tuple[str, list[str]]]:
    """Pattern and owners of each line; one that GitHub calls invalid is passed over, as it does."""
    for line in text.splitlines():
        match = _LINE.fullmatch(line.strip())
        if match is None or match["pattern"].startswith(("#", "!")) or "[" in match["pattern"]:
            continue
        owners = (match["owners"] or "").partition("#")[0].split()
        if all(_OWNER.fullmatch(owner) or _MAIL.fullmatch(owner) for owner in owners):
            yield match["pattern"], owners


def _expression(pattern: str) -> str:
    """As .gitignore does it, but that FOLDER/* is about what lies in that folder itself."""
    body = pattern.rstrip("/")
    is_anywhere = "/" not in body
    parts = "".join(_translated(part[0]) for part in _WILD.finditer(body.removeprefix("/")))
    return f"{'(?:.*/)?' if is_anywhere else ''}{parts}{_below(pattern)}"


def _below(pattern: str) -> str:
    """What may follow: a folder's pattern is about all that is in it."""
    if pattern.endswith("/"):
        return "/.*"
    return "" if pattern.endswith("/*") else "(?:/.*)?"


def _translated(part: str) -> str:
    match part:
        case "**/":
            return "(?:.*/)?"
        case "/**":
            return "/.*"
        case "?":
            return "[^/]"
        case _ if part.startswith("*"):
            return "[^/]*"
    return re.escape(part.removeprefix("\\") if len(part) > 1 else part)
