"""Findings where they are: annotations on the lines of a commit, as GitHub's checks show them.

https://docs.github.com/rest/checks/runs
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from tasks.domain.feedback.text import cut
from tasks.domain.gates.finding import Finding, Severity

# How many GitHub takes with one request; the rest is appended.
A_REQUEST = 50
# More of them nobody reads, and each fifty cost a request.
MOST = 1000
# GitHub takes 64 KB and 255 characters.
_LONGEST_MESSAGE, _LONGEST_TITLE = 4000, 255


class Level(StrEnum):
    """How an annotation looks."""

    NOTICE = "notice"
    WARNING = "warning"
    FAILURE = "failure"


_LEVELS = {
    Severity.CRITICAL: Level.FAILURE,
    Severity.HIGH: Level.FAILURE,
    Severity.MEDIUM: Level.WARNING,
    Severity.UNKNOWN: Level.WARNING,
}


@dataclass(frozen=True, slots=True)
class Annotation:
    """One finding at one line of a file; `line` counts from 1."""

    path: str
    line: int
    level: Level
    title: str
    message: str

    @property
    def body(self) -> dict[str, object]:
        """As GitHub takes it."""
        return {
            "path": self.path,
            "start_line": self.line,
            "end_line": self.line,
            "annotation_level": str(self.level),
            "title": self.title,
            "message": self.message,
        }


def annotations_of(findings: Iterable[Finding]) -> tuple[Annotation, ...]:
    """Those that have a place in the repository, a thousand at most, in the order given."""
    return tuple(_annotation(finding) for finding in findings if _is_inside(finding.file))[:MOST]


def _annotation(finding: Finding) -> Annotation:
    about = f" in {finding.package}" if finding.package else ""
    return Annotation(
        path=finding.file.removeprefix("./"),
        # A finding about a whole file stands at its beginning.
        line=max(1, finding.line),
        level=_LEVELS.get(finding.severity, Level.NOTICE),
        title=cut(f"{finding.severity}: {finding.rule}{about} ({finding.tool})", _LONGEST_TITLE),
        message=cut(finding.message, _LONGEST_MESSAGE) or finding.rule,
    )


def _is_inside(file: str) -> bool:
    return bool(file) and not file.startswith("/") and ".." not in file.split("/")
