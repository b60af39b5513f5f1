"""JaCoCo XML."""

from tasks.domain.errors import InvalidReport
from tasks.domain.gates.measure import SOMEWHERE, Coverage, coverage_of
from tasks.domain.reports.content import named, read_xml


def parse_jacoco(report: bytes, expected: str) -> Coverage:
    """The lines of the report: covered where at least one of their instructions ran. Raises InvalidReport.

    Only package and file name stand in it, so files are known by their end. Classes that were
    compiled without line numbers have no lines.
    """
    root = read_xml(report, expected, kind="JaCoCo XML", roots=("report",))
    hits: dict[tuple[str, int], int] = {}
    try:
        for package in named(root, "package"):
            for source in named(package, "sourcefile"):
                folder = package.attrib["name"]
                file = SOMEWHERE + (f"{folder}/" if folder else "") + source.attrib["name"]
                for line in named(source, "line"):
                    key = (file, int(line.attrib["nr"]))
                    hits[key] = max(hits.get(key, 0), int(line.attrib["ci"]))
    except (KeyError, ValueError) as problem:
        raise InvalidReport(f"{expected} has a line without file, nr or ci; write JaCoCo XML") from problem
    return coverage_of(hits, expected)
