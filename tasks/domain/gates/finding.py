"""What a tool found, in one form for every tool: which rule, how bad, where, and a fingerprint that outlives moves."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum


class Severity(StrEnum):
    """How bad a finding is; `unknown` where the tool does not say, as pip-audit never does."""

    UNKNOWN = "unknown"
    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    def reaches(self, minimum: "Severity") -> bool:
        """Whether this is at or above the minimum; unknown always is, for a missing fact is a no."""
        return self is Severity.UNKNOWN or _RANKS[self] >= _RANKS[minimum]


# Unknown stands below what is known to be high: where only one finding is named, that one is worth more.
_RANKS = {
    severity: rank
    for rank, severity in enumerate(
        (Severity.INFO, Severity.LOW, Severity.MEDIUM, Severity.UNKNOWN, Severity.HIGH, Severity.CRITICAL)
    )
}


class Kind(StrEnum):
    """What a finding is about; vulnerabilities have a gate of their own."""

    CODE = "code"
    SECRET = "secret"  # noqa: S105 - a word
    VULNERABILITY = "vulnerability"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that one tool found.

    `file` is relative to the repository's root and empty where there is none; `line` counts from 1, 0 is no line.
    `identity` is what the report itself tells findings of the same rule and file apart by, whatever lines move; where
    it is empty, the line's text does. `fixable` is None where the tool does not know whether another version helps.
    `aliases` are other names of the rule, such as the CVE of a GHSA. `fingerprint` is set by with_fingerprints.
    """

    tool: str
    rule: str
    severity: Severity
    message: str
    file: str = ""
    line: int = 0
    kind: Kind = Kind.CODE
    package: str = ""
    fixable: bool | None = None
    aliases: tuple[str, ...] = ()
    identity: str = ""
    fingerprint: str = ""

    @property
    def place(self) -> str:
        """Where people look: `file:line`, the file, or the package."""
        at = f"{self.file}:{self.line}" if self.file and self.line else self.file
        return f"{self.package} ({at})" if self.package and at else self.package or at or self.tool

    def __str__(self) -> str:
        return f"{self.place}: {self.rule}: {self.message}"


def with_fingerprints(findings: Iterable[Finding], line_text: Callable[[str, int], str]) -> tuple[Finding, ...]:
    """The findings in the order of their places, each with its fingerprint.

    `line_text` gives the text of a file's line, empty where there is none. Of findings that nothing tells apart, such
    as the same mistake on equal lines, each next one has another fingerprint: one more of them is a new finding.
    """
    seen: Counter[tuple[str, ...]] = Counter()
    done = []
    for finding in sorted(findings, key=lambda one: (one.file, one.line)):
        identity = finding.identity or " ".join(line_text(finding.file, finding.line).split()) or finding.message
        key = (finding.tool, finding.rule, finding.file, identity)
        text = "\0".join((*key, str(seen[key])))
        seen[key] += 1
        done.append(replace(finding, fingerprint=hashlib.sha256(text.encode()).hexdigest()[:32]))
    return tuple(done)


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """The findings by severity, then by place."""
    return sorted(findings, key=lambda one: (-_RANKS[one.severity], one.file, one.line, one.rule, one.package))


def one_line(text: str, limit: int = 300) -> str:
    """A tool's message as one line of at most `limit` characters."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
