"""SARIF 2.1.0 (https://docs.oasis-open.org/sarif/sarif/v2.1.0/), as linters, CodeQL, Snyk and Trivy write it."""

import posixpath
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from tasks.domain.errors import InvalidReport
from tasks.domain.gates.finding import Finding, Kind, Severity, one_line
from tasks.domain.reports.content import read_json
from tasks.domain.reports.place import relative_path
from tasks.domain.reports.sarif_parts import ArtifactLocation, Result, Rule, Run, Sarif

_LEVELS = {"error": Severity.HIGH, "warning": Severity.MEDIUM, "note": Severity.LOW, "none": Severity.INFO}
# GitHub's bands of `security-severity`, a CVSS score.
_BANDS = ((9.0, Severity.CRITICAL), (7.0, Severity.HIGH), (4.0, Severity.MEDIUM), (0.0, Severity.LOW))
_ADVISORY = re.compile(r"(CVE-\d{4}-|GHSA-|PYSEC-|RUSTSEC-|GO-\d{4}-|SNYK-(?!CODE))", re.IGNORECASE)
_ACCEPTED = {None, "accepted"}
_MOST_BASES = 10


def parse_sarif(report: bytes, expected: str, *, roots: tuple[str, ...] = ()) -> tuple[Finding, ...]:
    """What the report's runs found. Raises InvalidReport, also where a tool says that it did not do all its work.

    Suppressed results do not count, nor do those that are no problem (`kind`) or are gone (`baselineState`).
    """
    whole = read_json(report, expected, Sarif, kind="SARIF 2.1.0")
    findings: list[Finding] = []
    for run in whole.runs:
        if failed := next((one for one in run.invocations or () if one.execution_successful is False), None):
            raise InvalidReport(f"{expected}: {run.tool.driver.name} did not finish{failed.why}; run it again")
        if run.results is None:
            raise InvalidReport(f"{expected}: {run.tool.driver.name} has no results, not even none; run it again")
        rules = _rules(run)
        findings += (_finding(run, result, rules, roots) for result in run.results if _counts(result))
    return tuple(findings)


def _counts(result: Result) -> bool:
    suppressions = result.suppressions or ()
    is_suppressed = bool(suppressions) and all(one.status in _ACCEPTED for one in suppressions)
    return result.kind in {None, "fail", "open", "review"} and result.baseline_state != "absent" and not is_suppressed


def _rules(run: Run) -> dict[str, Rule]:
    components = (*(run.tool.extensions or ()), run.tool.driver)
    return {rule.id: rule for component in components for rule in component.rules or ()}


def _finding(run: Run, result: Result, rules: Mapping[str, Rule], roots: tuple[str, ...]) -> Finding:
    name, rule = _rule(run, result, rules)
    is_advisory = bool(_ADVISORY.match(name))
    physical = next((place.physical_location for place in result.locations or () if place.physical_location), None)
    at = physical.artifact_location if physical else None
    return Finding(
        tool=run.tool.driver.name,
        rule=name,
        severity=_severity(result, rule),
        message=one_line(_message(result, rule)) or name,
        file=_file(at, run, roots) if at else "",
        line=physical.region.start_line or 0 if physical and physical.region else 0,
        kind=Kind.VULNERABILITY if is_advisory else Kind.CODE,
        fixable=True if result.fixes else None,
        identity=_identity(result),
    )


def _rule(run: Run, result: Result, rules: Mapping[str, Rule]) -> tuple[str, Rule | None]:
    name = result.rule_id or (result.rule.id if result.rule else None)
    index, listed = result.rule_index, run.tool.driver.rules or ()
    if name is None and index is not None and 0 <= index < len(listed):
        name = listed[index].id
    # An id may go on behind a slash, where the rule's own ends.
    return name or "unnamed", rules.get(name or "") or rules.get((name or "").partition("/")[0])


def _severity(result: Result, rule: Rule | None) -> Severity:
    for properties in (result.properties, rule.properties if rule else None):
        if properties and properties.security_severity is not None:
            return next((band for least, band in _BANDS if properties.security_severity >= least), Severity.UNKNOWN)
    configured = rule.default_configuration.level if rule and rule.default_configuration else None
    return _LEVELS[result.level or configured or "warning"]


def _message(result: Result, rule: Rule | None) -> str:
    text = result.message.text or result.message.markdown
    if text is None and rule:
        named = (rule.message_strings or {}).get(result.message.id or "")
        text = (named.text if named else None) or (rule.short_description.text if rule.short_description else None)
    for index, argument in enumerate(result.message.arguments or ()):
        text = (text or "").replace(f"{{{index}}}", argument)
    return text or ""


def _identity(result: Result) -> str:
    """The tool's own fingerprint; the line's hash is the one of the partial ones that survives moves."""
    if result.fingerprints:
        return " ".join(f"{name}={value}" for name, value in sorted(result.fingerprints.items()))
    return (result.partial_fingerprints or {}).get("primaryLocationLineHash") or ""


def _file(at: ArtifactLocation, run: Run, roots: tuple[str, ...]) -> str:
    uri, base = at.uri or "", at.uri_base_id
    bases = run.original_uri_base_ids or {}
    for _ in range(_MOST_BASES):
        if base is None or base not in bases or posixpath.isabs(uri) or urlsplit(uri).scheme:
            break
        uri, base = posixpath.join(bases[base].uri or "", uri), bases[base].uri_base_id
    return relative_path(uri, roots)
