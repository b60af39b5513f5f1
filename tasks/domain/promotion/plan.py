"""What a promotion would do, before anything is done: the page that `tidegate plan` prints."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import unified_diff

from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.promotion.change_set import ChangeSet
from tasks.domain.promotion.rendered import Rendering
from tasks.domain.promotion.why import Reason
from tasks.domain.wording import counted

_SHOWN_COMMITS = 50


@dataclass(frozen=True, slots=True)
class Plan:
    """All that would happen; `reasons` stand against it now, `approvals` are asked for."""

    candidate: ReleaseCandidate
    environment: str
    file: str
    before: str
    after: str
    rendering: Rendering
    changes: ChangeSet
    reasons: tuple[Reason, ...]
    approvals: tuple[str, ...]

    @property
    def changes_nothing(self) -> bool:
        """Whether the environment is meant to run the candidate already."""
        return self.before == self.after


def plan_lines(plan: Plan) -> Iterator[str]:
    """The whole plan, a line each, without line ends."""
    yield f"{plan.candidate.name} -> {plan.environment}"
    yield f"image: {plan.candidate.image}"
    yield from _section("Commits that are new there", _commit_lines(plan.changes))
    gates = (f"{gate.gate}: {gate.verdict.outcome}: {gate.verdict.reason}" for gate in plan.candidate.gates)
    yield from _section("Gates", gates)
    yield from _section(f"What is written to {plan.file}", _file_lines(plan))
    yield from _section(f"What that renders to ({plan.rendering.source})", plan.rendering.difference.splitlines())
    yield from _section("Approvals", plan.approvals)
    against = (f"{reason.sentence}\n    whose move: {reason.move}; {reason.way_on}" for reason in plan.reasons)
    yield from _section("What stands against it now", against)


def _section(title: str, lines: Iterator[str] | tuple[str, ...] | list[str]) -> Iterator[str]:
    yield ""
    yield f"{title}:"
    shown = [f"  {line}" for line in lines]
    yield from shown or ["  nothing"]


def _commit_lines(changes: ChangeSet) -> Iterator[str]:
    if changes.base is None:
        yield "every one: nothing is known about what runs there now"
        return
    newest_first = list(reversed(changes.commits))[:_SHOWN_COMMITS]
    for commit in newest_first:
        yield f"{commit.sha[:7]} {_one_line(commit.subject)} ({_one_line(commit.author_name)})"
    if changes.total > len(newest_first):
        yield f"and {counted(changes.total - len(newest_first), 'older one', 'older ones')}"


def _file_lines(plan: Plan) -> list[str]:
    lines = unified_diff(plan.before.splitlines(), plan.after.splitlines(), lineterm="", n=1)
    # Without the two lines that name the file.
    return list(lines)[2:]


def _one_line(text: str) -> str:
    # What could move the cursor of a terminal is somebody else's text.
    return "".join(mark if mark.isprintable() else " " for mark in text)
