"""Go's coverage profile (https://go.dev/doc/build-cover)."""

import re

from tasks.domain.errors import InvalidReport
from tasks.domain.gates.measure import Coverage, coverage_of
from tasks.domain.reports.content import read_text
from tasks.domain.reports.place import relative_path

_BLOCK = re.compile(
    r"(?P<file>.+):(?P<first>\d{1,9})\.\d+,(?P<last>\d{1,9})\.\d+ (?P<statements>\d{1,9}) (?P<hits>\d{1,20})"
)
# No profile of our size touches more; what does would only fill the worker's memory.
_MOST_LINES = 5_000_000


def parse_go_cover(report: bytes, expected: str, *, roots: tuple[str, ...] = ()) -> Coverage:
    """The lines of the profile's blocks that have statements; a line of several blocks ran where one of them did.

    Files are named by their import paths, so `roots` has to have the module's path. Raises InvalidReport. A profile
    that ends between two lines looks whole: the format has nothing that says how many there are.
    """
    text = read_text(report, expected)
    mode, *blocks = text.splitlines()
    if not mode.startswith("mode: ") or not text.endswith("\n"):
        raise InvalidReport(f"{expected} is not a complete coverage profile of Go; write it with -coverprofile")
    hits: dict[tuple[str, int], int] = {}
    touched = 0
    for number, line in enumerate(blocks, start=2):
        block = _BLOCK.fullmatch(line)
        if block is None:
            raise InvalidReport(f"{expected}:{number} is not a line of Go's coverage profile; write one")
        if int(block["statements"]):
            lines = range(int(block["first"]), int(block["last"]) + 1)
            touched += len(lines)
            if touched > _MOST_LINES:
                raise InvalidReport(f"{expected}:{number}: its blocks have more than {_MOST_LINES} lines; split it")
            _add(hits, relative_path(block["file"], roots), lines, int(block["hits"]))
    return coverage_of(hits, expected)


def _add(hits: dict[tuple[str, int], int], file: str, lines: range, count: int) -> None:
    # As go's own view colours them: every line that a block touches.
    for line in lines:
        hits[file, line] = max(hits.get((file, line), 0), count)
