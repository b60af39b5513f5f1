"""Every page that people read: the release candidate, the question to an approver, the end of a promotion.

Text from commits is somebody else's: it goes through `plain` before it stands in Markdown, which the UI renders
together with any HTML in it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.change_set import ChangeSet
from tasks.domain.gate import GateResult
from tasks.domain.verdict import Outcome, Verdict

_MARKS = {Outcome.PASSED: "✅", Outcome.FAILED: "❌", Outcome.PENDING: "⏳"}
_SHOWN_COMMITS = 20
_UNPROVEN = (
    "Your name is what you type: nothing proves it, and the record will say so. In the newer UI the form is behind the"
    " ⋮ menu at the top right, **Resume**."
)


def plain(text: str, limit: int = 200) -> str:
    """One line of outside text that Markdown and HTML leave alone; longer text is cut and ends in an ellipsis."""
    line = " ".join(text.split())
    cut = line if len(line) <= limit else line[: limit - 1] + "…"
    escaped = cut.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"&#{ord(mark)};" if mark in "\\`*_[]()#|!~{}" else mark for mark in escaped)


def gate_rows(gates: Iterable[GateResult]) -> list[dict[str, str]]:
    """The gate table, one row a gate."""
    return [
        {"gate": g.gate, "verdict": f"{_MARKS[g.verdict.outcome]} {g.verdict.outcome}", "reason": g.verdict.reason}
        for g in gates
    ]


def candidate_page(candidate: ReleaseCandidate, source_url: str, run_url: str) -> str:
    """The release candidate: what it is, where it comes from and why it may be promoted."""
    return "\n".join(
        [
            f"## {candidate.name}",
            "",
            f"{plain(candidate.subject)} — {plain(candidate.author)}",
            "",
            _facts(
                {
                    "Image": f"`{candidate.image}`",
                    "Digest": f"`{candidate.digest}`",
                    "Commit": f"[`{candidate.commit}`]({source_url})",
                    "Built by": f"[this run]({run_url})",
                }
            ),
            "",
            "### Gates",
            "",
            gate_table(candidate.gates),
        ]
    )


@dataclass(frozen=True, slots=True)
class Question:
    """All that an approver is shown."""

    candidate: ReleaseCandidate
    environment: str
    changes: ChangeSet
    needs: Mapping[str, Verdict]
    file_diff: str
    links: Mapping[str, str]
    expires: str
    asked_again: str = ""


def approval_page(question: Question) -> str:
    """The decision packet above the form."""
    candidate = question.candidate
    needs = [f"- {_MARKS[verdict.outcome]} {plain(verdict.reason)}" for verdict in question.needs.values()]
    return "\n".join(
        [
            *([f"> ⚠️ **Not counted:** {plain(question.asked_again)}", ""] if question.asked_again else []),
            f"## {candidate.name} → {question.environment}",
            "",
            f"Image `{candidate.image.repository}@{candidate.digest}`",
            "",
            f"### What is new ({question.changes.total} {_plural('commit', question.changes.total)})",
            "",
            *_commit_lines(question.changes),
            "",
            "### Gates and environments before",
            "",
            gate_table(candidate.gates),
            "",
            *needs,
            "",
            f"### What is written for {question.environment}",
            "",
            "```diff",
            question.file_diff.replace("```", "'''"),
            "```",
            "",
            " · ".join(f"[{text}]({url})" for text, url in question.links.items()),
            "",
            f"The question stands until {question.expires}. {_UNPROVEN}",
        ]
    )


def promotion_page(
    candidate: ReleaseCandidate, environment: str, outcome: str, facts: Mapping[str, str], evidence: Iterable[str]
) -> str:
    """How a promotion ended, and what was seen."""
    return "\n".join(
        [
            f"## {candidate.name} → {environment}",
            "",
            f"**{plain(outcome, 500)}**",
            "",
            _facts({"Image": f"`{candidate.image.repository}@{candidate.digest}`", **facts}),
            "",
            "### What was seen",
            "",
            *(f"- {plain(line, 500)}" for line in evidence),
        ]
    )


def gate_table(gates: Iterable[GateResult]) -> str:
    """The gates as a Markdown table."""
    rows = [f"| {row['gate']} | {row['verdict']} | {plain(row['reason'])} |" for row in gate_rows(gates)]
    return "\n".join(["| Gate | Verdict | Reason |", "|---|---|---|", *rows])


def _commit_lines(changes: ChangeSet) -> list[str]:
    newest_first = list(reversed(changes.commits))[:_SHOWN_COMMITS]
    lines = [f"- `{c.sha[:7]}` {plain(c.subject)} — {plain(c.author_name)}" for c in newest_first]
    if changes.base is None:
        lines.append("- nothing is known about what runs there now; every commit is new")
    if changes.total > len(newest_first):
        lines.append(f"- … and {changes.total - len(newest_first)} more")
    return lines or ["- no new commit: the same code, built again"]


def _facts(facts: Mapping[str, str]) -> str:
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in facts.items())])


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"
