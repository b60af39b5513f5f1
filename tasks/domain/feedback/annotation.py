"""Findings where they are: annotations on the lines of a commit, as GitHub's checks show them.

https://docs.github.com/rest/checks/runs
"""

from dataclasses import dataclass
from enum import StrEnum

from tasks.domain.feedback.text import cut
from tasks.domain.gates.finding import Finding, Severity
from tasks.domain.gates.gate import GateResult
from tasks.domain.gates.measure import LineRange
from tasks.domain.gates.waiver import WaiverUse

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
    """What is said of one line of a file, or of those up to `last`; they count from 1."""

    path: str
    line: int
    level: Level
    title: str
    message: str
    last: int = 0

    @property
    def body(self) -> dict[str, object]:
        """As GitHub takes it."""
        return {
            "path": self.path,
            "start_line": self.line,
            "end_line": max(self.line, self.last),
            "annotation_level": str(self.level),
            "title": self.title,
            "message": self.message,
        }


def annotations_of(gate: GateResult) -> tuple[Annotation, ...]:
    """What a gate says of places in the repository, worst first; a thousand at most."""
    said = (
        *(_annotation(finding) for finding in gate.findings if _is_inside(finding.file)),
        *(_ending(use) for use in gate.ending if _is_inside(use.finding.file)),
        *(_uncovered(lines) for lines in gate.uncovered if _is_inside(lines.file)),
    )
    return said[:MOST]


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


def _ending(use: WaiverUse) -> Annotation:
    waiver = use.waiver
    message = (
        f"{waiver.owner} has waived it: {waiver.reason}. From the next day on it counts: fix it, or ask for longer."
    )
    return Annotation(
        path=use.finding.file.removeprefix("./"),
        line=max(1, use.finding.line),
        level=Level.WARNING,
        title=cut(f"The waiver of {use.finding.rule} ends on {waiver.expires}", _LONGEST_TITLE),
        message=cut(message, _LONGEST_MESSAGE),
    )


def _uncovered(lines: LineRange) -> Annotation:
    is_one = lines.first == lines.last
    title = "No test runs this line" if is_one else f"No test runs these {lines.last - lines.first + 1} lines"
    message = "The change adds what no test runs; add one that does."
    return Annotation(lines.file, lines.first, Level.WARNING, title, message, lines.last)


def _is_inside(file: str) -> bool:
    return bool(file) and not file.startswith("/") and ".." not in file.split("/")
