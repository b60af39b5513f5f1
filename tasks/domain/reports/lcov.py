"""LCOV tracefiles, as geninfo, Istanbul, coverage.py and others write them."""

from tasks.domain.errors import InvalidReport
from tasks.domain.gates.measure import Coverage, coverage_of
from tasks.domain.reports.content import read_text
from tasks.domain.reports.place import relative_path


def parse_lcov(report: bytes, expected: str, *, roots: tuple[str, ...] = ()) -> Coverage:
    """The lines of the tracefile; a file may have several records, whose hits are added. Raises InvalidReport.

    A file that ends between two records looks whole: the format has nothing that says how many there are.
    """
    hits: dict[tuple[str, int], int] = {}
    file: str | None = None
    for number, line in enumerate(read_text(report, expected).split("\n"), start=1):
        entry, colon, value = line.strip().partition(":")
        try:
            if entry == "SF" and colon and file is None:
                file = relative_path(value, roots)
            elif entry == "end_of_record" and file is not None:
                file = None
            elif entry == "DA" and file is not None:
                at, count = value.split(",")[:2]
                hits[file, int(at)] = hits.get((file, int(at)), 0) + max(0, int(count))
            elif entry == "SF" or (file is None and entry not in {"", "TN"}):
                raise ValueError(entry)
        except ValueError:
            raise InvalidReport(f"{expected}:{number} is not a line of an LCOV tracefile; write one") from None
    if file is not None:
        raise InvalidReport(f"{expected} ends within the record of a file; the command did not finish its report")
    return coverage_of(hits, expected)
