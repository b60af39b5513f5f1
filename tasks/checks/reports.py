"""The reports that a check left in its work tree; the code under test wrote them, so no link or pipe is followed."""

import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

from tasks.domain.errors import InvalidReport
from tasks.domain.gates.check import Reports
from tasks.domain.gates.finding import with_fingerprints
from tasks.domain.reports.content import MAX_BYTES
from tasks.domain.reports.reading import Parsed, Reported, join, read_report

# https://go.dev/ref/mod#go-mod-file-module
_MODULE = re.compile(r"^module\s+\"?([^\s\"]+)", re.MULTILINE)
_MOST_FILES = 5000
_MOST_SOURCE_BYTES = 4 * 1024 * 1024


def read_reports(reports: Reports, tree: Path) -> tuple[Reported, InvalidReport | None]:
    """What all of them say, and the first that is missing, cut off or wrong."""
    roots = tuple(dict.fromkeys((str(tree), str(tree.resolve()), *_go_modules(tree))))
    parsed: list[Parsed] = []
    problem = None
    for format_name, pattern in reports.paths().items():
        try:
            for path, content in _contents(tree, pattern):
                parsed.append(read_report(format_name, content, path, roots=roots))
        except InvalidReport as found:
            problem = problem or found
    said = join(parsed)
    if said.findings is None:
        return said, problem
    return replace(said, findings=with_fingerprints(said.findings, _lines_of(tree))), problem


def remove_reports(reports: Reports, tree: Path) -> None:
    """A report that the repository brings along, or that an earlier try left, must not count."""
    for pattern in reports.paths().values():
        for path in _matching(tree, pattern):
            file = tree / path
            if _is_inside(file.parent, tree) and (file.is_symlink() or file.is_file()):
                file.unlink()


def _go_modules(tree: Path) -> Iterator[str]:
    """What Go's reports put before paths in place of the folder: the module's path."""
    try:
        text = _read_inside(tree, "go.mod", _MOST_SOURCE_BYTES).decode("utf-8", errors="replace")
    except InvalidReport:
        return
    yield from (match[1] for match in _MODULE.finditer(text))


def _contents(tree: Path, pattern: str) -> Iterator[tuple[str, bytes]]:
    """Every file that the pattern means, all together not larger than one report may be."""
    paths = _matching(tree, pattern)
    if not paths:
        raise InvalidReport(f"{pattern} fits no file; the check must write one")
    if len(paths) > _MOST_FILES:
        raise InvalidReport(f"{pattern} fits more than {_MOST_FILES} files; write fewer")
    read = 0
    for path in paths:
        content = _read_inside(tree, path, MAX_BYTES)
        read += len(content)
        if len(paths) > 1 and read > MAX_BYTES:
            raise InvalidReport(f"{pattern} fits files of more than {MAX_BYTES // 1024 // 1024} MB; write fewer")
        yield path, content


def _matching(tree: Path, pattern: str) -> list[str]:
    if "*" not in pattern:
        return [pattern]
    return sorted(file.relative_to(tree).as_posix() for file in tree.glob(pattern) if not file.is_dir())


def _lines_of(tree: Path) -> Callable[[str, int], str]:
    """The text of a file's line, for fingerprints; empty where there is none to be had."""

    @cache
    def lines(file: str) -> list[str]:
        try:
            return _read_inside(tree, file, _MOST_SOURCE_BYTES).decode("utf-8", errors="replace").split("\n")
        except (InvalidReport, ValueError):
            return []

    def text(file: str, line: int) -> str:
        return lines(file)[line - 1] if file and 0 < line <= len(lines(file)) else ""

    return text


def _read_inside(tree: Path, path: str, limit: int) -> bytes:
    """The file's first bytes, one more than the limit, so that who parses them sees that there are too many."""
    file = tree / path
    if not _is_inside(file.parent, tree):
        raise InvalidReport(f"{path} lies outside the work tree; write it to a folder of the repository")
    try:
        # Without waiting for a writer, should it be a named pipe, and never through a link.
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError as problem:
        raise InvalidReport(f"{path} was not written; the check must write it") from problem
    except OSError as problem:
        raise InvalidReport(f"{path} is a link or cannot be read; write a plain file") from problem
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise InvalidReport(f"{path} is not a plain file; write a plain file")
        with open(descriptor, "rb", closefd=False) as report:
            return report.read(limit + 1)
    finally:
        os.close(descriptor)


def _is_inside(folder: Path, tree: Path) -> bool:
    return folder.resolve().is_relative_to(tree.resolve())
