"""Tools' reports as values: JUnit XML, Cobertura XML and the SonarQube scanner's report-task.txt.

Reports are written by the code under test, so nothing in them is trusted: sizes are capped, XML entities are refused
and totals are counted from the cases and lines themselves, because the totals in the attributes can be wrong.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from fractions import Fraction
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from tasks.domain.errors import InvalidReport

MAX_BYTES = 25 * 1024 * 1024
_FLAKY = {"flakyFailure", "flakyError"}


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


@dataclass(frozen=True, slots=True)
class Coverage:
    """Lines that tests ran, of the lines that could run."""

    covered: int
    valid: int

    def __post_init__(self) -> None:
        if not 0 <= self.covered <= self.valid or self.valid == 0:
            raise InvalidReport(f"{self.covered} of {self.valid} lines covered is not a coverage; measure code lines")

    def __add__(self, other: "Coverage") -> "Coverage":
        return Coverage(self.covered + other.covered, self.valid + other.valid)

    @property
    def percent(self) -> Decimal:
        """For people, with two decimals, rounded down: 79.995 is shown as 79.99 and never as 80."""
        exact = Fraction(self.covered * 100, self.valid)
        return (Decimal(exact.numerator) / exact.denominator).quantize(Decimal("0.01"), ROUND_FLOOR)

    def reaches(self, minimum: Decimal) -> bool:
        """Whether the exact percentage is at least `minimum` percent."""
        return Fraction(self.covered * 100, self.valid) >= Fraction(minimum)


@dataclass(frozen=True, slots=True)
class SonarQubeAnalysis:
    """What the scanner handed over: the task that SonarQube computes, and where people see the result."""

    task: str
    project: str
    dashboard_url: str = ""


def parse_junit(report: bytes, expected: str) -> TestCount:
    """Count the cases of a JUnit XML report, in suites nested at will.

    `expected` is the file's path, for messages. Raises InvalidReport.
    """
    root = _parse_xml(report, expected, kind="JUnit XML", roots=("testsuites", "testsuite"))
    counts = {"passed": 0, "failed": 0, "errors": 0, "skipped": 0, "flaky": 0}
    failures: list[str] = []
    for case in _named(root, "testcase"):
        children = {_name(child): child for child in case}
        # A case can carry an error of its teardown beside its failure; it is still one case.
        problem = children.get("error", children.get("failure"))
        if problem is not None:
            counts["errors" if "error" in children else "failed"] += 1
            failures.append(_describe(case, problem))
        elif "skipped" in children:
            counts["skipped"] += 1
        else:
            counts["passed"] += 1
            counts["flaky"] += bool(_FLAKY & children.keys())
    return TestCount(**counts, failures=tuple(failures))


def parse_cobertura(report: bytes, expected: str) -> Coverage:
    """Count the lines of a Cobertura report; the same line of the same file counts once. Raises InvalidReport."""
    root = _parse_xml(report, expected, kind="Cobertura", roots=("coverage",))
    hits: dict[tuple[str, int], int] = {}
    try:
        for covered_class in _named(root, "class"):
            for line in _lines(covered_class):
                key = (covered_class.attrib["filename"], int(line.attrib["number"]))
                hits[key] = max(hits.get(key, 0), int(line.attrib["hits"]))
    except (KeyError, ValueError) as problem:
        raise InvalidReport(
            f"{expected} has a line without file, number or hits; write a Cobertura report"
        ) from problem
    if not hits:
        raise InvalidReport(f"{expected} names no line of code; check what the coverage tool is told to measure")
    return Coverage(sum(count > 0 for count in hits.values()), len(hits))


def parse_report_task(report: bytes, expected: str) -> SonarQubeAnalysis:
    """Read the scanner's report-task.txt; raises InvalidReport. The server it names is not trusted, so not read."""
    text = _checked(report, expected).decode("utf-8", errors="replace")
    # ceTaskUrl has `=` in its value.
    values = {
        key.strip(): value.strip() for key, equals, value in (_.partition("=") for _ in text.splitlines()) if equals
    }
    if not values.get("ceTaskId") or not values.get("projectKey"):
        raise InvalidReport(f"{expected} has no ceTaskId or projectKey; the scanner did not finish its upload")
    return SonarQubeAnalysis(values["ceTaskId"], values["projectKey"], values.get("dashboardUrl", ""))


def _checked(report: bytes, expected: str) -> bytes:
    if not report.strip():
        raise InvalidReport(f"{expected} is empty; the command did not finish its report")
    if len(report) > MAX_BYTES:
        raise InvalidReport(f"{expected} is larger than {MAX_BYTES // 1024 // 1024} MB; split the report")
    return report


def _parse_xml(report: bytes, expected: str, *, kind: str, roots: tuple[str, ...]) -> Element:
    try:
        root: Element = fromstring(_checked(report, expected))
    except ParseError as problem:
        raise InvalidReport(f"{expected} is not a complete {kind} report ({problem}); write it anew") from problem
    except (DefusedXmlException, ValueError, LookupError) as problem:
        # ValueError and LookupError: an encoding that the parser does not know.
        raise InvalidReport(f"{expected} uses XML entities or an unknown encoding; write plain {kind}") from problem
    if _name(root) not in roots:
        raise InvalidReport(
            f"{expected} starts with <{_name(root)[:40]}>, expected <{roots[0]}>; write a {kind} report"
        )
    return root


def _name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _named(root: Element, name: str) -> Iterator[Element]:
    return (element for element in root.iter() if _name(element) == name)


def _lines(covered_class: Element) -> Iterator[Element]:
    # Only the class's own lines: those of its methods are the same lines again.
    for child in covered_class:
        if _name(child) == "lines":
            yield from _named(child, "line")


def _describe(case: Element, problem: Element) -> str:
    name = ".".join(part for part in (case.get("classname"), case.get("name")) if part) or "a case without a name"
    text = problem.get("message") or problem.text or ""
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return f"{name}: {first}"[:300] if first else name[:300]
