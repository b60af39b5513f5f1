"""Which lines a change adds or rewrites, read from git's diff."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping

ChangedLines = Mapping[str, frozenset[int]]

_HUNK = re.compile(r"@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_ESCAPE = re.compile(rb'\\([0-7]{3}|[abtnvfr"\\])')
_LETTERS = {b"a": b"\a", b"b": b"\b", b"t": b"\t", b"n": b"\n", b"v": b"\v", b"f": b"\f", b"r": b"\r"}


def parse_diff(diff: str) -> ChangedLines:
    """The new numbers of all lines that `git diff --unified=0` shows as added, by file; files without any are left out.

    The lines of a hunk are skipped by their number, so that what stands in them cannot pass for a header.
    """
    changed: defaultdict[str, set[int]] = defaultdict(set)
    file = ""
    lines = iter(diff.split("\n"))
    for line in lines:
        if line.startswith("+++ "):
            file = _file(line.removeprefix("+++ "))
        elif hunk := _HUNK.match(line):
            removed, start, added = (1 if group is None else int(group) for group in hunk.groups())
            if file:
                changed[file] |= set(range(start, start + added))
            _skip(lines, removed + added)
    return {name: frozenset(numbers) for name, numbers in changed.items() if numbers}


def _skip(lines: Iterator[str], count: int) -> None:
    while count:
        # git says so of a last line without an end, and does not count it.
        count -= not next(lines, "").startswith("\\")


def _file(named: str) -> str:
    """The path without git's quotes and its b/; empty for a file that is gone."""
    text = named.removesuffix("\t")
    if text.startswith('"') and text.endswith('"'):
        text = _ESCAPE.sub(_unescaped, text[1:-1].encode()).decode("utf-8", errors="replace")
    return text.removeprefix("b/") if text.startswith("b/") else ""


def _unescaped(match: "re.Match[bytes]") -> bytes:
    code = match[1]
    return bytes([int(code, 8)]) if len(code) == 3 else _LETTERS.get(code, code)
