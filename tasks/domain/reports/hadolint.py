"""hadolint's JSON report."""

from typing import Literal

from pydantic import Field

from tasks.domain.gates.finding import Finding, Severity, one_line
from tasks.domain.reports.content import Part, read_json
from tasks.domain.reports.place import relative_path

_LEVELS = {
    "error": Severity.HIGH,
    "warning": Severity.MEDIUM,
    "info": Severity.LOW,
    "style": Severity.INFO,
}


class _Result(Part):
    code: str = Field(min_length=1)
    level: Literal["error", "warning", "info", "style"]
    message: str
    file: str
    line: int = Field(ge=0)


def parse_hadolint(report: bytes, expected: str, *, roots: tuple[str, ...] = ()) -> tuple[Finding, ...]:
    """What hadolint found in Dockerfiles; an empty list is a clean report. Raises InvalidReport."""
    return tuple(
        Finding(
            tool="hadolint",
            rule=result.code,
            severity=_LEVELS[result.level],
            message=one_line(result.message),
            file=relative_path(result.file, roots),
            line=result.line,
        )
        for result in read_json(report, expected, list[_Result], kind="hadolint's JSON report")
    )
