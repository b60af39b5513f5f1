"""The question that an approver reads above the form: first what decides, in a few lines, then what it rests on.

On a usual screen the form leaves room for some ten lines; the rest has to be scrolled to. So nothing below them may be
a surprise, and nothing may be wider than the form.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import unified_diff

from tasks.domain.approval.decision import AskAgain
from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.delivery.approval import ApprovalPolicy, Identity
from tasks.domain.gates.gate import decide_all
from tasks.domain.image import ImageReference
from tasks.domain.message import gate_lines, plain, verdict_line
from tasks.domain.promotion.change_set import ChangeSet
from tasks.domain.promotion.rendered import Rendering
from tasks.domain.verdict import Verdict

_SHOWN_COMMITS, _SHOWN_AUTHORS, _SHOWN_RENDERED = 20, 3, 60
NOT_KEPT = "There is no signing key, so the decision is in this run and in the commit only; a lost run asks anew."
UNPROVEN = "Nothing proves the name: whoever can open this page can approve, and the record will say so."
_DURATION = re.compile(r" in [0-9.]+ s\b")
_LONG_HASH = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{28,}\b")

_NOT_COUNTED = "⚠ **Not counted:** "


@dataclass(frozen=True, slots=True)
class Question:
    """All that an approver is shown.

    `before` and `after` are the texts of `file`; `runs_now` is the image in `before`; `expires` a time for people.
    `gates_before` are the gates of the commit that runs now; `time_in` says for each environment before this one how
    long it has run the candidate. `rendering` is the difference of the manifests, `evidence` what is known about what
    is in the image, a sentence each. `is_kept` says whether the decision outlives this run.
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
    standing: AskAgain = field(default=AskAgain(""))
    gates_before: Mapping[str, Verdict] = field(default_factory=dict)
    time_in: Mapping[str, str] = field(default_factory=dict)
    rendering: Rendering = field(default=Rendering("", "not rendered"))
    evidence: Sequence[str] = ()
    is_kept: bool = True


def approval_page(question: Question, *others: Question, release: str = "") -> str:
    """The decision packet above the form; with `others`, which go with it as a release, one of all of them."""
    closing = f"- Open until {question.expires} to {_who_may(question.policy)}"
    all_of_them = (question, *others)
    return "\n".join(
        [
            *_standing_lines(question.standing),
            *(_together(release, all_of_them, closing) if release else _packet(question, closing)),
            "",
            "### How to answer",
            "",
            *_how_to_answer(question.policy),
            *([] if all(one.is_kept for one in all_of_them) else [f"- {NOT_KEPT}"]),
        ]
    )


def proposal_page(question: Question, rules: str) -> str:
    """The same for a pull request, where GitHub's own buttons answer; `rules` says when it is merged.

    There is more room than in the form, so all of the rendered difference is in it.
    """
    return "\n".join(_packet(question, f"- {rules}", None))


def _together(release: str, questions: Sequence[Question], closing: str) -> list[str]:
    """What decides about each in a line, and then each as it would be asked about alone."""
    summary = [
        f"- **{question.candidate.name}:** {_exchange(question).replace('**', '')}; "
        f"{_whose_work(question.changes).replace('**', '')}"
        for question in questions
    ]
    heading = [f"## Release {plain(release)} → {questions[0].environment}", ""]
    lines = [*heading, "By one commit, or not at all; where one fails, all of them go back:", "", *summary, closing]
    for question in questions:
        lines += ["", *_packet(question)]
    return lines


def _packet(question: Question, closing: str = "", shown_rendered: int | None = _SHOWN_RENDERED) -> list[str]:
    return [
        f"## {question.candidate.name} → {question.environment}",
        "",
        *_what_decides(question),
        *([closing] if closing else []),
        "",
        f"### New {_plural('commit', question.changes.total)}",
        "",
        *_commit_lines(question.changes),
        "",
        "### Gates",
        "",
        *_gate_lines(question),
        "",
        *(["### The image", "", *(f"- {plain(line)}" for line in question.evidence), ""] * bool(question.evidence)),
        "### What is written",
        "",
        f"In `{question.file}` only:",
        "",
        *_diff(_changed_lines(question.before, question.after)),
        "",
        *_rendered(question, shown_rendered),
    ]


def not_counted(page: str) -> str:
    """Why the answer before this question did not count, as its page says it; empty where nothing stood against it."""
    lines = (line for line in page.splitlines() if line.startswith(_NOT_COUNTED))
    return next(lines, "").removeprefix(_NOT_COUNTED).strip()


def _standing_lines(standing: AskAgain) -> list[str]:
    lines = [f"{_NOT_COUNTED}{plain(standing.reason)}"] if standing.reason else []
    if standing.given:
        approved = ", ".join(plain(answer.person.words, 100) for answer in standing.given)
        lines += [f"✓ **Approved by** {approved}"]
        lines += [f"○ **Still missing:** {plain('; '.join(standing.missing), 300)}"]
    # Two blanks at the end of a line break it. No quotation: the newer UI sets quotation marks about one.
    return ["  \n".join(lines), ""] if lines else []


def _gate_lines(question: Question) -> list[str]:
    """Each gate, with what it said of the commit that runs now where that was something else."""
    lines = []
    for gate in question.candidate.gates:
        lines += gate_lines([gate])
        before = question.gates_before.get(gate.gate)
        if before is None and question.gates_before:
            lines.append("  - new: the commit that runs now was not checked for it")
        elif before is not None and _differ(before, gate.verdict):
            lines.append(f"  - what runs now: {verdict_line(before).removeprefix('- ')}")
    gone = question.gates_before.keys() - {gate.gate for gate in question.candidate.gates}
    lines += [f"- ⚠ **{plain(name)}:** not checked any more; what runs now was" for name in sorted(gone)]
    return lines or gate_lines([])


def _differ(before: Verdict, now: Verdict) -> bool:
    # How long a check took is another time each time.
    said = [_DURATION.sub("", verdict.reason) for verdict in (before, now)]
    return before.outcome is not now.outcome or said[0] != said[1]


def _rendered(question: Question, most: int | None) -> list[str]:
    how, lines = plain(question.rendering.source), question.rendering.difference.splitlines()
    if not lines:
        return [f"Rendered, nothing is known to change ({how})."]
    shown = [_LONG_HASH.sub(r"\1…", line) for line in lines[:most]]
    rest = [f"And {len(lines) - len(shown)} more lines; `{_plan(question)}` shows them all."]
    return [f"Rendered, that changes ({how}):", "", *_diff(shown), *(["", *rest] if len(shown) < len(lines) else [])]


def _plan(question: Question) -> str:
    return f"tidegate plan {question.candidate.application} {question.environment}"


def _diff(lines: list[str]) -> list[str]:
    # What is in it cannot end the block.
    return ["```diff", *(line.replace("```", "'''") for line in lines), "```"]


def _how_to_answer(policy: ApprovalPolicy) -> list[str]:
    lines = ["- Here: **Resume** at the top right; in the newer UI it is in the menu with the three dots there."]
    if Identity.CLAIMED in policy.identity:
        lines += ["- In a terminal: `tidegate approve` or `tidegate reject`.", f"- {UNPROVEN}"]
    if Identity.ONE_TIME_CODE in policy.identity:
        lines += ["- In a terminal: `tidegate approve` asks for the code without showing it."]
        lines += ["- The code from your authenticator proves your name; it counts once."]
    if Identity.GITHUB in policy.identity:
        lines += ["- On GitHub: the comment `/approve` by somebody who may."]
    if Identity.PROXY in policy.identity:
        lines += ["- On Tidegate's approval page, where the proxy knows who you are."]
    return lines


def _what_decides(question: Question) -> list[str]:
    gates = decide_all(question.candidate.gates)
    return [
        " · ".join(f"[{text}]({url})" for text, url in question.links.items()),
        "",
        f"- {_exchange(question)}",
        f"- {_whose_work(question.changes)}",
        verdict_line(gates),
        *(verdict_line(verdict) for verdict in question.needs.values()),
        *(f"- **In {name}** since {time}" for name, time in question.time_in.items()),
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
    named = ", ".join(plain(name, 60) for name in policy.named)
    if policy.author_may_approve:
        whom = named or "anybody"
    else:
        whom = f"{named} (not to who wrote part of it)" if named else "anybody who wrote none of it"
    roles = "".join(f", {role.required} of {plain(name)}" for name, role in policy.roles.items())
    return f"{whom}; {policy.required} have to approve{roles}" if policy.required > 1 or roles else whom


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
    return [_LONG_HASH.sub(r"\1…", line) for line in lines]


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"
