"""The one comment below a pull request: what every gate said of its newest commit, and where to look."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import quote

from tasks.domain.feedback.check import finding_line, gate_table
from tasks.domain.feedback.text import cut_lines, quiet
from tasks.domain.gates.finding import Finding
from tasks.domain.gates.gate import CHANGED_LINES, COVERAGE, GateResult
from tasks.domain.gates.measure import CoveredLines
from tasks.domain.message import MARKS
from tasks.domain.verdict import Verdict
from tasks.domain.wording import counted

_SHOWN = 100


@dataclass(frozen=True, slots=True)
class CheckedCommit:
    """A commit whose gates are decided; `files_url` is where its files are looked at, without a final slash."""

    application: str
    commit: str
    gates: tuple[GateResult, ...]
    verdict: Verdict
    run_url: str
    files_url: str
    base: str | None = None
    base_coverage: CoveredLines | None = None


def comment_marker(application: str) -> str:
    """What nobody sees, and by which the comment is found again."""
    return f"<!-- tidegate: {application} -->"


def gates_comment(checked: CheckedCommit) -> str:
    """The whole comment, no longer than GitHub takes."""
    lines = [
        comment_marker(checked.application),
        f"### {MARKS[checked.verdict.outcome]} {quiet(checked.application)}: {quiet(checked.verdict.reason)}",
        "",
        f"Commit {checked.commit}, checked in [this run]({checked.run_url}).",
        "",
        *gate_table(checked.gates),
        *_coverage(checked),
        *_findings(checked),
        *_waivers(checked.gates),
    ]
    return cut_lines(lines)


def waiting_comment(application: str, commit: str, author: str) -> str:
    """Instead of the gates, where the code of somebody unknown waits to be read."""
    lines = [
        comment_marker(application),
        f"### ○ {quiet(application)}: waits for a maintainer",
        "",
        f"This comes from a fork, and {quiet(author)} may not write to this repository; so nothing of it is run before",
        "somebody who may has read it. After that, comment:",
        "",
        "```",
        f"/ok-to-test {commit}",
        "```",
    ]
    return cut_lines(lines)


def declined_comment(comment: int, reason: str) -> str:
    """The answer to a command that is not followed; there is one for each."""
    # The reason is our own sentence, but a login stands in it.
    return f"<!-- tidegate: answer to {comment} -->\n{reason.replace('@', '')}."


def _coverage(checked: CheckedCommit) -> Iterator[str]:
    measured = {gate.gate: gate.coverage for gate in checked.gates if gate.coverage}
    if COVERAGE not in measured:
        return
    said = [f"{measured[COVERAGE].percent} % of lines{_change(checked, measured[COVERAGE])}"]
    if CHANGED_LINES in measured:
        said.append(f"{measured[CHANGED_LINES].percent} % of changed lines")
    yield from ("", f"**Coverage:** {', '.join(said)}")


def _change(checked: CheckedCommit, now: CoveredLines) -> str:
    if checked.base_coverage is None or checked.base is None:
        return ""
    change = now.percent - checked.base_coverage.percent
    points = "no change" if change == Decimal(0) else f"{change:+} points"
    return f" ({points} against {checked.base_coverage.percent} % in {checked.base[:7]})"


def _findings(checked: CheckedCommit) -> Iterator[str]:
    found = [finding for gate in checked.gates for finding in gate.findings]
    if not found:
        return
    yield from ("", f"<details><summary>{counted(len(found), 'finding')}</summary>", "")
    yield from (finding_line(finding, _link(finding, checked.files_url)) for finding in found[:_SHOWN])
    if len(found) > _SHOWN:
        yield f"- and {len(found) - _SHOWN} more"
    yield from ("", "</details>")


def _link(finding: Finding, files_url: str) -> str:
    if not finding.file or finding.file.startswith("/"):
        return ""
    line = f"#L{finding.line}" if finding.line else ""
    return f"{files_url}/{quote(finding.file)}{line}"


def _waivers(gates: Iterable[GateResult]) -> Iterator[str]:
    gates = tuple(gates)
    for waiver in dict.fromkeys(use.waiver for gate in gates for use in gate.ending):
        said = f"{waiver.owner}'s waiver of {waiver.rule} ends on {waiver.expires}: {waiver.reason}"
        yield from ("", f"> ⚠ {quiet(said, 500)}")
    used = [use for gate in gates for use in gate.waived]
    if used:
        yield from ("", f"<details><summary>{counted(len(used), 'finding')} waived</summary>", "")
        yield from (f"- {quiet(str(use), 500)}" for use in used[:_SHOWN])
        yield from ("", "</details>")
