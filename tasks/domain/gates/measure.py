"""What tools measured: how tests ended, and which lines they ran."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from fractions import Fraction

from tasks.domain.errors import InvalidReport

# Stands before the name of a file of which a report knows only the end, such as com/acme/Shop.java.
SOMEWHERE = "**/"


@dataclass(frozen=True, slots=True)
class TestCount:
    """How many test cases ended in which way; `failures` names each case that failed or broke, with its first line.

    `flaky` counts passed cases that needed more than one try within the run.
    """

    __test__ = False  # pytest collects classes called Test...

    passed: int = 0
    failed: int = 0
    errors: int = 0
    skipped: int = 0
    flaky: int = 0
    failures: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """All cases that the report names."""
        return self.passed + self.failed + self.errors + self.skipped

    def __add__(self, other: "TestCount") -> "TestCount":
        return TestCount(
            passed=self.passed + other.passed,
            failed=self.failed + other.failed,
            errors=self.errors + other.errors,
            skipped=self.skipped + other.skipped,
            flaky=self.flaky + other.flaky,
            failures=self.failures + other.failures,
        )


@dataclass(frozen=True, slots=True)
class CoveredLines:
    """Lines that tests ran, of the lines that could run."""

    covered: int
    valid: int

    def __post_init__(self) -> None:
        if not 0 <= self.covered <= self.valid or self.valid == 0:
            raise InvalidReport(f"{self.covered} of {self.valid} lines covered is not a coverage; measure code lines")

    @property
    def percent(self) -> Decimal:
        """For people, with two decimals, rounded down: 79.995 is shown as 79.99 and never as 80."""
        exact = Fraction(self.covered * 100, self.valid)
        return (Decimal(exact.numerator) / exact.denominator).quantize(Decimal("0.01"), ROUND_FLOOR)

    def reaches(self, minimum: Decimal) -> bool:
        """Whether the exact percentage is at least `minimum` percent."""
        return Fraction(self.covered * 100, self.valid) >= Fraction(minimum)


@dataclass(frozen=True, slots=True)
class FileCoverage:
    """The lines of one file that could run, by whether tests ran them; a line is never in both."""

    file: str
    covered: frozenset[int]
    missed: frozenset[int]


@dataclass(frozen=True, slots=True)
class LineRange:
    """Lines of one file that follow each other, both ends included."""

    file: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """Which lines tests ran, file by file; branches do not count. Raises InvalidReport where it names no line."""

    files: tuple[FileCoverage, ...]

    def __post_init__(self) -> None:
        if not any(file.covered or file.missed for file in self.files):
            raise InvalidReport("a coverage without any line of code; check what the coverage tool is told to measure")

    @property
    def lines(self) -> CoveredLines:
        """All lines together."""
        covered = sum(len(file.covered) for file in self.files)
        return CoveredLines(covered, covered + sum(len(file.missed) for file in self.files))

    @property
    def missed(self) -> tuple[LineRange, ...]:
        """What no test ran, by place."""
        ranges: list[LineRange] = []
        for file in sorted(self.files, key=lambda one: one.file):
            for number in sorted(file.missed):
                if ranges and (ranges[-1].file, ranges[-1].last + 1) == (file.file, number):
                    ranges[-1] = LineRange(file.file, ranges[-1].first, number)
                else:
                    ranges.append(LineRange(file.file, number, number))
        return tuple(ranges)

    def only(self, lines: Mapping[str, frozenset[int]]) -> "Coverage | None":
        """The part of the coverage that is about these lines of these files; None where none of them was measured."""
        named = {file.file: file for file in self.files if not file.file.startswith(SOMEWHERE)}
        partly = [file for file in self.files if file.file.startswith(SOMEWHERE)]
        kept = []
        for name, numbers in lines.items():
            measured = [named[name]] if name in named else _ending_like(name, partly)
            kept += [FileCoverage(name, file.covered & numbers, file.missed & numbers) for file in measured]
        return Coverage(tuple(kept)) if any(file.covered or file.missed for file in kept) else None


def coverage_of(hits: Mapping[tuple[str, int], int], expected: str = "the coverage report") -> Coverage:
    """A coverage from how often each line of each file ran; raises InvalidReport where the report names no line."""
    if not hits:
        raise InvalidReport(f"{expected} names no line of code; check what the coverage tool is told to measure")
    covered: dict[str, set[int]] = defaultdict(set)
    missed: dict[str, set[int]] = defaultdict(set)
    for (file, number), count in hits.items():
        (covered if count > 0 else missed)[file].add(number)
    files = sorted(covered.keys() | missed.keys())
    return Coverage(tuple(FileCoverage(file, frozenset(covered[file]), frozenset(missed[file])) for file in files))


def join_coverage(coverages: Iterable[Coverage]) -> Coverage:
    """What any of them ran; a line that several measured counts once. Raises InvalidReport where there is none."""
    hits: defaultdict[tuple[str, int], int] = defaultdict(int)
    for file in (file for coverage in coverages for file in coverage.files):
        for number in file.missed:
            hits[file.file, number] += 0
        for number in file.covered:
            hits[file.file, number] += 1
    return coverage_of(hits)


def _ending_like(name: str, files: list[FileCoverage]) -> list[FileCoverage]:
    """Of the files of which only the end is known, the one that says most about this name."""
    fitting = [file for file in files if f"/{name}".endswith(file.file.removeprefix("**"))]
    return sorted(fitting, key=lambda file: len(file.file))[-1:]
