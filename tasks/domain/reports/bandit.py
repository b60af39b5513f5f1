"""bandit's JSON report."""

from typing import Literal

from pydantic import Field

from tasks.domain.errors import InvalidReport
from tasks.domain.gates.finding import Finding, Kind, Severity, one_line
from tasks.domain.reports.content import Part, read_json
from tasks.domain.reports.place import relative_path

_SEVERITIES = {
    "LOW": Severity.LOW,
    "MEDIUM": Severity.MEDIUM,
    "HIGH": Severity.HIGH,
    "UNDEFINED": Severity.UNKNOWN,
}
# The message of these ends in the password.
_PASSWORDS = {"B105", "B106", "B107"}


class _Result(Part):
    filename: str
    issue_severity: Literal["LOW", "MEDIUM", "HIGH", "UNDEFINED"]
    issue_text: str
    line_number: int = Field(ge=0)
    test_id: str = Field(min_length=1)


class _Problem(Part):
    filename: str = "a file"
    reason: str = "it could not be read"


class _Report(Part):
    errors: list[_Problem]
    metrics: dict[str, object]
    results: list[_Result]


def parse_bandit(report: bytes, expected: str, *, roots: tuple[str, ...] = ()) -> tuple[Finding, ...]:
    """What bandit found. Raises InvalidReport, also where bandit could not read a file."""
    whole = read_json(report, expected, _Report, kind="bandit's JSON report")
    if whole.errors:
        first = whole.errors[0]
        file = relative_path(first.filename, roots)
        raise InvalidReport(f"{expected}: bandit did not look at {file} ({one_line(first.reason)}); correct the file")
    return tuple(_finding(result, roots) for result in whole.results)


def names_password(rule: str) -> bool:
    """Whether the messages of this rule of bandit's end in a password."""
    return rule in _PASSWORDS


def without_password(message: str) -> str:
    """The message of such a rule as it may be shown."""
    return message.partition(":")[0]


def _finding(result: _Result, roots: tuple[str, ...]) -> Finding:
    is_password = names_password(result.test_id)
    text = without_password(result.issue_text) if is_password else result.issue_text
    return Finding(
        tool="bandit",
        rule=result.test_id,
        severity=_SEVERITIES[result.issue_severity],
        message=one_line(text),
        file=relative_path(result.filename, roots),
        line=result.line_number,
        kind=Kind.SECRET if is_password else Kind.CODE,
    )
