"""pip-audit's JSON report."""

from tasks.domain.gates.finding import Finding, Kind, Severity, one_line
from tasks.domain.reports.content import Part, read_json


class _Vulnerability(Part):
    id: str
    fix_versions: list[str]
    aliases: tuple[str, ...] = ()
    description: str = ""


class _Dependency(Part):
    name: str
    version: str = ""
    vulns: tuple[_Vulnerability, ...] = ()
    skip_reason: str | None = None


class _Report(Part):
    dependencies: list[_Dependency]
    fixes: list[object]


def parse_pip_audit(report: bytes, expected: str) -> tuple[Finding, ...]:
    """The vulnerabilities of the dependencies, all of unknown severity. Raises InvalidReport.

    A dependency that pip-audit could not look up is a finding too; its own summary calls that free of vulnerabilities.
    """
    whole = read_json(report, expected, _Report, kind="pip-audit's JSON report")
    skipped = [one for one in whole.dependencies if one.skip_reason is not None]
    # What a mirror without pip-audit's API answers looks like a package that nobody has published.
    note = f"; pip-audit looked up none of {len(skipped)}, so check that its service can be reached"
    note = note if len(skipped) == len(whole.dependencies) else ""
    found = {
        (one.name, one.version, vulnerability.id): _finding(one, vulnerability)
        for one in whole.dependencies
        for vulnerability in one.vulns
    }
    return (*found.values(), *(_skipped(one, note) for one in skipped))


def _finding(one: _Dependency, vulnerability: _Vulnerability) -> Finding:
    fixed = ", ".join(vulnerability.fix_versions)
    return Finding(
        tool="pip-audit",
        rule=vulnerability.id,
        severity=Severity.UNKNOWN,
        message=f"{one_line(vulnerability.description, 200) or f'vulnerability in {one.name}'}"
        f"{f'; fixed in {fixed}' if fixed else '; there is no fix yet'}",
        kind=Kind.VULNERABILITY,
        package=f"{one.name} {one.version}".strip(),
        fixable=bool(fixed),
        aliases=tuple(vulnerability.aliases),
        identity=one.name,
    )


def _skipped(one: _Dependency, note: str) -> Finding:
    return Finding(
        tool="pip-audit",
        rule="not-audited",
        severity=Severity.UNKNOWN,
        message=(one_line(one.skip_reason or "") or "was not audited") + note,
        kind=Kind.VULNERABILITY,
        package=f"{one.name} {one.version}".strip(),
        identity=one.name,
    )
