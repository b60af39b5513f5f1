"""SARIF 2.1.0 (https://docs.oasis-open.org/sarif/sarif/v2.1.0/), as linters, CodeQL, Snyk and Trivy write it."""

import posixpath
import re
from collections.abc import Mapping

from tasks.domain.errors import InvalidReport
from tasks.domain.gates.finding import Finding, Kind, Severity, one_line
from tasks.domain.reports.content import read_json
from tasks.domain.reports.place import relative_path
from tasks.domain.reports.sarif_habits import NO_FINGERPRINTS, habits_of, passes_over_errors
from tasks.domain.reports.sarif_parts import ArtifactLocation, Level, Result, Rule, Run, Sarif

_LEVELS = {"error": Severity.HIGH, "warning": Severity.MEDIUM, "note": Severity.LOW, "none": Severity.INFO}
# GitHub's bands of `security-severity`, a CVSS score.
_BANDS = ((9.0, Severity.CRITICAL), (7.0, Severity.HIGH), (4.0, Severity.MEDIUM), (0.0, Severity.LOW))
_ADVISORY = re.compile(r"(CVE-\d{4}-|GHSA-|PYSEC-|RUSTSEC-|GO-\d{4}-|SNYK-(?!CODE))", re.IGNORECASE)
_ACCEPTED = {None, "accepted"}
_MOST_BASES = 10
# https://datatracker.ietf.org/doc/html/rfc3986#section-3.1
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
# A link to another place of the result (3.11.6), of which only the words are kept.
_LINK = re.compile(r"\[([^\[\]]{1,300})\]\(\d{1,6}\)")
_PLACEHOLDER = re.compile(r"\{(\d{1,3})\}")
# More than is ever shown; arguments for many placeholders could fill the worker's memory.
_MOST_TEXT = 1000


def parse_sarif(report: bytes, expected: str, *, roots: tuple[str, ...] = ()) -> tuple[Finding, ...]:
    """What the report's runs found. Raises InvalidReport, also where a tool says that it did not do all its work.

    Suppressed results do not count, nor do those that are no problem (`kind`) or are gone (`baselineState`).
    """
    whole = read_json(report, expected, Sarif, kind="SARIF 2.1.0")
    findings: list[Finding] = []
    for run in whole.runs:
        tool = run.tool.driver.name
        if (why := _failure(run)) is not None:
            raise InvalidReport(f"{expected}: {tool} did not finish{why}; run it again")
        if run.results is None:
            raise InvalidReport(f"{expected}: {tool} has no results, not even none; run it again")
        rules = _rules(run)
        findings += (_finding(run, result, rules, roots) for result in run.results if _counts(result))
    return tuple(findings)


def _failure(run: Run) -> str | None:
    """Why the tool did not do all its work, behind a colon where it says so; None where it did."""
    tool = run.tool.driver.name
    for invocation in run.invocations or ():
        if invocation.execution_successful is False or (invocation.why and passes_over_errors(tool)):
            return invocation.why
    said = (one for one in run.results or () if habits_of(tool, one.rule_id or "").is_failure)
    return next((f": {one_line(_message(one, None))}" for one in said), None)


def _counts(result: Result) -> bool:
    suppressions = result.suppressions or ()
    is_suppressed = bool(suppressions) and all(one.status in _ACCEPTED for one in suppressions)
    return result.kind in {None, "fail", "open", "review"} and result.baseline_state != "absent" and not is_suppressed


def _rules(run: Run) -> dict[str, Rule]:
    components = (*(run.tool.extensions or ()), run.tool.driver)
    return {rule.id: rule for component in components for rule in component.rules or ()}


def _finding(run: Run, result: Result, rules: Mapping[str, Rule], roots: tuple[str, ...]) -> Finding:
    name, rule = _rule(run, result, rules)
    habits = habits_of(run.tool.driver.name, name)
    kind = Kind.VULNERABILITY if _ADVISORY.match(name) else habits.kind
    physical = next((place.physical_location for place in result.locations or () if place.physical_location), None)
    at = physical.artifact_location if physical else None
    return Finding(
        tool=run.tool.driver.name,
        rule=name,
        severity=_severity(result, rule, habits.level),
        message=one_line(habits.shown(_message(result, rule))) or name,
        file=_file(at, run, roots) if at else "",
        line=physical.region.start_line or 0 if physical and physical.region else 0,
        kind=kind,
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


def _severity(result: Result, rule: Rule | None, otherwise: Level) -> Severity:
    for properties in (result.properties, rule.properties if rule else None):
        if properties and properties.security_severity is not None:
            return next((band for least, band in _BANDS if properties.security_severity >= least), Severity.UNKNOWN)
    configured = rule.default_configuration.level if rule and rule.default_configuration else None
    return _LEVELS[result.level or configured or otherwise]


def _message(result: Result, rule: Rule | None) -> str:
    text = result.message.text or result.message.markdown
    if text is None and rule:
        named = (rule.message_strings or {}).get(result.message.id or "")
        text = (named.text if named else None) or (rule.short_description.text if rule.short_description else None)
    arguments = {str(index): argument[:_MOST_TEXT] for index, argument in enumerate(result.message.arguments or ())}
    whole = _PLACEHOLDER.sub(lambda place: arguments.get(place[1], place[0]), (text or "")[:_MOST_TEXT])
    return _LINK.sub(r"\1", whole)


def _identity(result: Result) -> str:
    """The tool's own fingerprint; the line's hash is the one of the partial ones that survives moves."""
    own = {name: value for name, value in (result.fingerprints or {}).items() if value not in NO_FINGERPRINTS}
    if own:
        return " ".join(f"{name}={value}" for name, value in sorted(own.items()))
    return (result.partial_fingerprints or {}).get("primaryLocationLineHash") or ""


def _file(at: ArtifactLocation, run: Run, roots: tuple[str, ...]) -> str:
    uri, base = at.uri or "", at.uri_base_id
    bases = run.original_uri_base_ids or {}
    for _ in range(_MOST_BASES):
        if base is None or base not in bases or posixpath.isabs(uri) or _SCHEME.match(uri):
            break
        uri, base = posixpath.join(bases[base].uri or "", uri), bases[base].uri_base_id
    return relative_path(uri, roots)
