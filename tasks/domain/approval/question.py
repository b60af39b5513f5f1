"""The question that an approver reads above the form: first what decides, in a few lines, then what it rests on.

On a usual screen the form leaves room for some ten lines; the rest has to be scrolled to. So nothing below them may be
a surprise, and nothing may be wider than the form.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import unified_diff

from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.delivery.approval import ApprovalPolicy
from tasks.domain.gates.gate import decide_all
from tasks.domain.image import ImageReference
from tasks.domain.message import gate_lines, plain, verdict_line
from tasks.domain.promotion.change_set import ChangeSet
from tasks.domain.verdict import Verdict

_SHOWN_COMMITS, _SHOWN_AUTHORS = 20, 3
_LONG_HASH = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{28,}\b")


@dataclass(frozen=True, slots=True)
class Question:
    """All that an approver is shown.

    `before` and `after` are the texts of `file`; `runs_now` is the image in `before`; `expires` a time for people.
    """

    candidate: ReleaseCandidate
    environment: str
    policy: ApprovalPolicy
    changes: ChangeSet
    needs: Mapping[str, Verdict]
    runs_now: ImageReference | None
    file: str
    before: str
    after: str
    links: Mapping[str, str]
    expires: str
    asked_again: str = ""


def approval_page(question: Question) -> str:
    """The decision packet above the form."""
    return "\n".join(
        [
            *([f"> ⚠ **Not counted:** {plain(question.asked_again)}", ""] if question.asked_again else []),
            f"## {question.candidate.name} → {question.environment}",
            "",
            *_what_decides(question),
            "",
            f"### New {_plural('commit', question.changes.total)}",
            "",
            *_commit_lines(question.changes),
            "",
            "### Gates",
            "",
            *gate_lines(question.candidate.gates),
            "",
            "### What is written",
            "",
            f"In `{question.file}` only:",
            "",
            "```diff",
            *_changed_lines(question.before, question.after),
            "```",
        ]
    )


def _what_decides(question: Question) -> list[str]:
    gates = decide_all(question.candidate.gates)
    return [
        " · ".join(f"[{text}]({url})" for text, url in question.links.items()),
        "",
        f"- {_exchange(question)}",
        f"- {_whose_work(question.changes)}",
        verdict_line(gates),
        *(verdict_line(verdict) for verdict in question.needs.values()),
        f"- Open until {question.expires} to {_who_may(question.policy)}",
    ]


def _exchange(question: Question) -> str:
    base = f" ({question.changes.base[:7]})" if question.changes.base else ""
    now = f"`{question.runs_now.short_digest}`{base}" if question.runs_now and question.runs_now.digest else "none"
    return f"**Image** {now} → `{question.candidate.image.short_digest}`"


def _whose_work(changes: ChangeSet) -> str:
    names = list(dict.fromkeys(commit.author_name for commit in reversed(changes.commits)))
    shown = ", ".join(plain(name, 60) for name in names[:_SHOWN_AUTHORS])
    more = f" and {len(names) - _SHOWN_AUTHORS} more" if len(names) > _SHOWN_AUTHORS else ""
    count = f"**{changes.total} new {_plural('commit', changes.total)}**"
    if changes.base is None:
        return "**every commit is new**: nothing is known about what runs there now"
    return f"{count} by {shown}{more}" if shown else f"{count}: the same code, built again"


def _who_may(policy: ApprovalPolicy) -> str:
    named = ", ".join(plain(name, 60) for name in policy.approvers)
    if policy.author_may_approve:
        return named or "anybody"
    return f"{named} (not to who wrote part of it)" if named else "anybody who wrote none of it"


def _commit_lines(changes: ChangeSet) -> list[str]:
    newest_first = list(reversed(changes.commits))[:_SHOWN_COMMITS]
    lines = [f"- `{c.sha[:7]}` {plain(c.subject)} — {plain(c.author_name)}" for c in newest_first]
    if changes.total > len(newest_first):
        lines.append(f"- … and {changes.total - len(newest_first)} more")
    return lines or ["- none that is known"]


def _changed_lines(before: str, after: str) -> list[str]:
    # Without the two lines that name the file.
    lines = list(unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=1))[2:]
    # A whole hash does not fit beside a name; twelve digits are what people compare.
    return [_LONG_HASH.sub(r"\1…", line).replace("```", "'''") for line in lines]


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"
