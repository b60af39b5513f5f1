"""Trivy's JSON report: vulnerabilities, misconfigurations, secrets and licences."""

from collections.abc import Iterator
from typing import Literal

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_pascal

from tasks.domain.gates.finding import Finding, Kind, Severity, one_line
from tasks.domain.reports.content import Part, read_json
from tasks.domain.reports.place import relative_path


class _Pascal(Part):
    model_config = ConfigDict(alias_generator=to_pascal)


class _Vulnerability(_Pascal):
    vulnerability_id: str = Field(alias="VulnerabilityID")
    pkg_name: str
    pkg_path: str = ""
    installed_version: str = ""
    fixed_version: str = ""
    severity: str = ""
    title: str = ""


class _Lines(_Pascal):
    start_line: int = Field(0, ge=0)


class _Misconfiguration(_Pascal):
    id: str = Field(alias="ID")
    avd_id: str = Field("", alias="AVDID")
    severity: str = ""
    status: str = "FAIL"
    title: str = ""
    message: str = ""
    cause_metadata: _Lines = _Lines(StartLine=0)


class _Secret(_Pascal):
    # Match and Code stay unread: they show parts of the secret.
    rule_id: str = Field(alias="RuleID")
    title: str = ""
    severity: str = ""
    start_line: int = Field(0, ge=0)


class _License(_Pascal):
    name: str
    severity: str = ""
    pkg_name: str = ""
    file_path: str = ""


class _Result(_Pascal):
    target: str = ""
    result_class: str = Field("", alias="Class")
    vulnerabilities: list[_Vulnerability] | None = None
    misconfigurations: list[_Misconfiguration] | None = None
    secrets: list[_Secret] | None = None
    licenses: list[_License] | None = None


class _System(_Pascal):
    family: str = ""
    name: str = ""
    is_at_end_of_life: bool = Field(default=False, alias="EOSL")


class _Metadata(_Pascal):
    system: _System | None = Field(None, alias="OS")


class _Report(_Pascal):
    schema_version: Literal[2]
    artifact_name: str
    metadata: _Metadata | None = None
    results: list[_Result] | None = None


def parse_trivy(report: bytes, expected: str, *, roots: tuple[str, ...] = ()) -> tuple[Finding, ...]:
    """What Trivy found; the same vulnerability of the same package and version counts once. Raises InvalidReport.

    An operating system that gets no more security updates is a finding too: its newer vulnerabilities are not listed.
    """
    whole = read_json(report, expected, _Report, kind="Trivy's JSON report")
    findings: dict[tuple[str, ...], Finding] = {}
    system = whole.metadata.system if whole.metadata else None
    if system and system.is_at_end_of_life:
        findings["system",] = _end_of_life(f"{system.family} {system.name}".strip())
    for result in whole.results or ():
        file = "" if result.result_class == "os-pkgs" else relative_path(result.target, roots)
        for one in result.vulnerabilities or ():
            findings.setdefault((one.vulnerability_id, one.pkg_name, one.installed_version), _vulnerability(one, file))
        for number, other in enumerate((*_misconfigurations(result, file), *_secrets_and_licenses(result, file))):
            findings[file, result.result_class, str(number), other.rule] = other
    return tuple(findings.values())


def _vulnerability(one: _Vulnerability, file: str) -> Finding:
    fix = f"; fixed in {one.fixed_version}" if one.fixed_version else "; there is no fix yet"
    return Finding(
        tool="Trivy",
        rule=one.vulnerability_id,
        severity=_severity(one.severity),
        message=one_line(one.title or f"vulnerability in {one.pkg_name}", 200) + fix,
        file=one.pkg_path or file,
        kind=Kind.VULNERABILITY,
        package=f"{one.pkg_name} {one.installed_version}".strip(),
        fixable=bool(one.fixed_version),
        identity=one.pkg_name,
    )


def _misconfigurations(result: _Result, file: str) -> Iterator[Finding]:
    for one in result.misconfigurations or ():
        if one.status == "FAIL":
            message = one_line(one.message or one.title) or one.id
            aliases = (one.avd_id,) if one.avd_id else ()
            line = one.cause_metadata.start_line
            yield Finding("Trivy", one.id, _severity(one.severity), message, file, line, aliases=aliases)


def _secrets_and_licenses(result: _Result, file: str) -> Iterator[Finding]:
    for one in result.secrets or ():
        message = one_line(one.title) or one.rule_id
        yield Finding("Trivy", one.rule_id, _severity(one.severity), message, file, one.start_line, Kind.SECRET)
    for other in result.licenses or ():
        place = relative_path(other.file_path, ()) or file
        message = f"licence {other.name}" + (f" of {other.pkg_name}" if other.pkg_name else "")
        yield Finding("Trivy", other.name, _severity(other.severity), message, place, package=other.pkg_name)


def _end_of_life(system: str) -> Finding:
    message = "gets no more security updates, so its vulnerabilities are not listed; use a newer base image"
    return Finding(
        "Trivy", "os-end-of-life", Severity.HIGH, message, kind=Kind.VULNERABILITY, package=system, fixable=True
    )


def _severity(word: str) -> Severity:
    return Severity(word.lower()) if word.lower() in set(Severity) else Severity.UNKNOWN
