"""npm's audit report (`npm audit --json`, npm 7 and newer)."""

import re
from typing import Literal

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from tasks.domain.errors import InvalidReport
from tasks.domain.gates.finding import Finding, Kind, Severity, one_line
from tasks.domain.reports.content import Part, read_json

_SEVERITIES = {
    "info": Severity.INFO,
    "low": Severity.LOW,
    "moderate": Severity.MEDIUM,
    "high": Severity.HIGH,
    "critical": Severity.CRITICAL,
}
_GHSA = re.compile(r"GHSA(-[0-9a-z]{4}){3}")


class _Camel(Part):
    model_config = ConfigDict(alias_generator=to_camel)


class _Advisory(_Camel):
    source: int | str
    name: str
    title: str = ""
    url: str = ""
    severity: Literal["info", "low", "moderate", "high", "critical"]
    versions: str = Field("", alias="range")


class _Package(_Camel):
    name: str
    # An advisory, or the name of the dependency that brings one along; that one has an entry of its own.
    via: list[_Advisory | str]
    # True, false, or the update of a direct dependency that fixes it.
    fix_available: bool | dict[str, object]


class _Failure(_Camel):
    summary: str = ""
    code: str = ""


class _Report(_Camel):
    audit_report_version: Literal[2] | None = None
    vulnerabilities: dict[str, _Package] | None = None
    message: str = ""
    error: _Failure | None = None


def parse_npm_audit(report: bytes, expected: str) -> tuple[Finding, ...]:
    """The advisories that concern installed packages, each once. Raises InvalidReport, also where npm could not ask."""
    whole = read_json(report, expected, _Report, kind="npm's audit report")
    if whole.error is not None:
        said = whole.error.summary or whole.message or whole.error.code or "it gave no reason"
        raise InvalidReport(f"{expected}: npm could not audit ({one_line(said)}); use a registry that answers audits")
    if whole.audit_report_version is None or whole.vulnerabilities is None:
        raise InvalidReport(f"{expected} is no report of npm 7 or newer; write it with `npm audit --json`")
    found = {
        (package.name, str(advisory.source)): _finding(package, advisory)
        for package in whole.vulnerabilities.values()
        for advisory in package.via
        if isinstance(advisory, _Advisory)
    }
    return tuple(found.values())


def _finding(package: _Package, advisory: _Advisory) -> Finding:
    ghsa = _GHSA.search(advisory.url)
    is_fixable = package.fix_available is not False
    return Finding(
        tool="npm audit",
        rule=ghsa[0] if ghsa else str(advisory.source),
        severity=_SEVERITIES[advisory.severity],
        message=f"{one_line(advisory.title, 200) or f'vulnerability in {package.name}'}"
        f"{'; an update fixes it' if is_fixable else '; there is no fix yet'}",
        kind=Kind.VULNERABILITY,
        package=f"{package.name} {advisory.versions}".strip(),
        fixable=is_fixable,
        identity=package.name,
    )
