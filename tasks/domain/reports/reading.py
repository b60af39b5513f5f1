"""Every format by the name that the delivery configuration gives it, and what reports of them say together."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import reduce
from operator import add

from tasks.domain.gates.finding import Finding
from tasks.domain.gates.measure import Coverage, TestCount, join_coverage
from tasks.domain.reports.bandit import parse_bandit
from tasks.domain.reports.cobertura import parse_cobertura
from tasks.domain.reports.coverage_py import parse_coverage_py
from tasks.domain.reports.detect_secrets import parse_detect_secrets
from tasks.domain.reports.ecr import parse_ecr
from tasks.domain.reports.gitleaks import parse_gitleaks
from tasks.domain.reports.go_cover import parse_go_cover
from tasks.domain.reports.go_test import parse_go_test
from tasks.domain.reports.hadolint import parse_hadolint
from tasks.domain.reports.jacoco import parse_jacoco
from tasks.domain.reports.junit import parse_junit
from tasks.domain.reports.lcov import parse_lcov
from tasks.domain.reports.npm_audit import parse_npm_audit
from tasks.domain.reports.pip_audit import parse_pip_audit
from tasks.domain.reports.sarif import parse_sarif
from tasks.domain.reports.sonarqube import SonarQubeAnalysis, parse_report_task
from tasks.domain.reports.trivy import parse_trivy

Parsed = TestCount | Coverage | SonarQubeAnalysis | tuple[Finding, ...]
Roots = tuple[str, ...]

_PARSERS: dict[str, Callable[[bytes, str, Roots], Parsed]] = {
    "junit": lambda report, expected, _: parse_junit(report, expected),
    "go-test": lambda report, expected, _: parse_go_test(report, expected),
    "cobertura": lambda report, expected, roots: parse_cobertura(report, expected, roots=roots),
    "lcov": lambda report, expected, roots: parse_lcov(report, expected, roots=roots),
    "jacoco": lambda report, expected, _: parse_jacoco(report, expected),
    "coverage-py": lambda report, expected, roots: parse_coverage_py(report, expected, roots=roots),
    "go-cover": lambda report, expected, roots: parse_go_cover(report, expected, roots=roots),
    "sarif": lambda report, expected, roots: parse_sarif(report, expected, roots=roots),
    "trivy": lambda report, expected, roots: parse_trivy(report, expected, roots=roots),
    "gitleaks": lambda report, expected, roots: parse_gitleaks(report, expected, roots=roots),
    "detect-secrets": lambda report, expected, roots: parse_detect_secrets(report, expected, roots=roots),
    "bandit": lambda report, expected, roots: parse_bandit(report, expected, roots=roots),
    "hadolint": lambda report, expected, roots: parse_hadolint(report, expected, roots=roots),
    "pip-audit": lambda report, expected, _: parse_pip_audit(report, expected),
    "npm-audit": lambda report, expected, _: parse_npm_audit(report, expected),
    "ecr": lambda report, expected, _: parse_ecr(report, expected),
    "sonarqube": lambda report, expected, _: parse_report_task(report, expected),
}
FORMATS = tuple(_PARSERS)


@dataclass(frozen=True, slots=True)
class Reported:
    """What a check's reports say together; None where no report speaks of it."""

    tests: TestCount | None = None
    coverage: Coverage | None = None
    findings: tuple[Finding, ...] | None = None
    analysis: SonarQubeAnalysis | None = None


def read_report(format: str, report: bytes, expected: str, *, roots: Roots = ()) -> Parsed:  # noqa: A002 - its name
    """What one report says; raises InvalidReport.

    `expected` is the file's path, for messages, and `roots` are the names of the folder that the repository was checked
    out to, which tools put before its paths.
    """
    return _PARSERS[format](report, expected, roots)


def join(parsed: Iterable[Parsed]) -> Reported:
    """Tests and findings are added; a line is covered where any report says that it ran."""
    all_of = list(parsed)
    tests = [one for one in all_of if isinstance(one, TestCount)]
    coverages = [one for one in all_of if isinstance(one, Coverage)]
    findings = [one for one in all_of if isinstance(one, tuple)]
    return Reported(
        tests=reduce(add, tests) if tests else None,
        coverage=join_coverage(coverages) if coverages else None,
        findings=tuple(one for some in findings for one in some) if findings else None,
        analysis=next((one for one in all_of if isinstance(one, SonarQubeAnalysis)), None),
    )
