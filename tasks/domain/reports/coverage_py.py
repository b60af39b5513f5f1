"""coverage.py's JSON report (`coverage json`)."""

from tasks.domain.gates.measure import Coverage, coverage_of
from tasks.domain.reports.content import Part, read_json
from tasks.domain.reports.place import relative_path


class _File(Part):
    executed_lines: list[int]
    missing_lines: list[int]


class _Meta(Part):
    version: str


class _Report(Part):
    meta: _Meta
    files: dict[str, _File]


def parse_coverage_py(report: bytes, expected: str, *, roots: tuple[str, ...] = ()) -> Coverage:
    """The lines of the report. Raises InvalidReport.

    Its own percent_covered is not used: where branches are measured it mixes them in.
    """
    whole = read_json(report, expected, _Report, kind="coverage.py's JSON report")
    hits: dict[tuple[str, int], int] = {}
    for name, lines in whole.files.items():
        file = relative_path(name, roots)
        hits |= {(file, line): 0 for line in lines.missing_lines}
        hits |= {(file, line): 1 for line in lines.executed_lines}
    return coverage_of(hits, expected)
