"""Cobertura XML, which coverage.py, Istanbul, coverlet, gcovr and converters for Go write too."""

import posixpath
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from tasks.domain.errors import InvalidReport
from tasks.domain.gates.measure import SOMEWHERE, Coverage, coverage_of
from tasks.domain.reports.content import name_of, named, read_xml
from tasks.domain.reports.place import relative_path


def parse_cobertura(report: bytes, expected: str, *, roots: tuple[str, ...] = ()) -> Coverage:
    """The lines of a Cobertura report; the same line of the same file counts once. Raises InvalidReport."""
    root = read_xml(report, expected, kind="Cobertura", roots=("coverage",))
    sources = [(source.text or "").strip() for source in named(root, "source")]
    hits: dict[tuple[str, int], int] = {}
    try:
        for covered_class in named(root, "class"):
            file = _file(covered_class.attrib["filename"], [source for source in sources if source], roots)
            for line in _lines(covered_class):
                key = (file, int(line.attrib["number"]))
                hits[key] = max(hits.get(key, 0), int(line.attrib["hits"]))
    except (KeyError, ValueError) as problem:
        raise InvalidReport(
            f"{expected} has a line without file, number or hits; write a Cobertura report"
        ) from problem
    return coverage_of(hits, expected)


def _file(name: str, sources: list[str], roots: tuple[str, ...]) -> str:
    """A file's name is relative to one of the sources; which one, only a single source tells."""
    if posixpath.isabs(name) or not sources:
        return relative_path(name, roots)
    if len(sources) > 1:
        return SOMEWHERE + name
    path = relative_path(posixpath.join(sources[0], name), roots)
    return SOMEWHERE + name if posixpath.isabs(path) else path


def _lines(covered_class: Element) -> Iterator[Element]:
    # Only the class's own lines: those of its methods are the same lines again.
    for child in covered_class:
        if name_of(child) == "lines":
            yield from named(child, "line")
