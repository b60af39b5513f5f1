"""gitleaks' JSON report (version 8)."""

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_pascal

from tasks.domain.gates.finding import Finding, Kind, Severity, one_line
from tasks.domain.reports.content import Part, read_json
from tasks.domain.reports.place import relative_path


class _Leak(Part):
    # Secret, Match, Link and the commit's message are not declared, and so never kept.
    model_config = ConfigDict(alias_generator=to_pascal)

    rule_id: str = Field(alias="RuleID", min_length=1)
    description: str = ""
    start_line: int = Field(ge=0)
    file: str = Field(min_length=1)
    commit: str = ""


def parse_gitleaks(report: bytes, expected: str, *, roots: tuple[str, ...] = ()) -> tuple[Finding, ...]:
    """The places where secrets were found, never the secrets; an empty list is a clean report. Raises InvalidReport."""
    return tuple(_finding(leak, roots) for leak in read_json(report, expected, list[_Leak], kind="gitleaks' JSON"))


def _finding(leak: _Leak, roots: tuple[str, ...]) -> Finding:
    return Finding(
        tool="gitleaks",
        rule=leak.rule_id,
        severity=Severity.HIGH,
        message=one_line(leak.description) or leak.rule_id,
        file=relative_path(leak.file, roots),
        line=leak.start_line,
        kind=Kind.SECRET,
        # In the history a line never moves. Some versions write the full commit and others the short one.
        identity=f"{leak.commit[:7]}:{leak.start_line}" if leak.commit else "",
    )
