"""What a gate, or all of them together, says of a commit on GitHub: a check run, or a commit status with a token."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from tasks.domain.feedback.annotation import Annotation, annotations_of
from tasks.domain.feedback.text import cut_lines, quiet
from tasks.domain.gates.finding import Finding
from tasks.domain.gates.gate import AGGREGATE, GateResult
from tasks.domain.message import MARKS
from tasks.domain.verdict import Outcome, Verdict
from tasks.domain.wording import counted

_STATES = {Outcome.PASSED: "success", Outcome.FAILED: "failure", Outcome.PENDING: "pending"}
_OUTCOMES = {state: outcome for outcome, state in _STATES.items()}
_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Button:
    """Something a person can ask for on a check run's page; GitHub takes three, of 20, 20 and 40 characters."""

    identifier: str
    label: str
    description: str

    @property
    def body(self) -> dict[str, str]:
        """As GitHub takes it."""
        return {"identifier": self.identifier, "label": self.label, "description": self.description}


CHECK_AGAIN = Button("retest", "Check again", "Runs all checks of this commit again")
OK_TO_TEST = Button("ok-to-test", "Run the checks", "You have read this code: run its checks")


@dataclass(frozen=True, slots=True)
class CheckReport:
    """One line among a commit's checks.

    `conclusion` is GitHub's word where the verdict alone does not give it; `summary` is Markdown.
    """

    name: str
    verdict: Verdict
    summary: str = ""
    annotations: tuple[Annotation, ...] = ()
    buttons: tuple[Button, ...] = ()
    conclusion: str | None = None

    @property
    def state(self) -> str:
        """As a commit status says it."""
        return _STATES[self.verdict.outcome]

    @property
    def ending(self) -> str | None:
        """As a check run that is completed says it; None while it goes on."""
        if self.conclusion:
            return self.conclusion
        return None if self.verdict.outcome is Outcome.PENDING else self.state


def outcome_of(state: str) -> Outcome:
    """What a status's state or a check run's conclusion means to us: whatever is not known to be good is not."""
    return _OUTCOMES.get(state, Outcome.FAILED)


def gate_report(gate: GateResult, aggregate: str = AGGREGATE) -> CheckReport:
    """A gate's own line, with its findings at their lines; its name begins with that of its aggregate."""
    annotations = annotations_of(gate)
    lines = [f"{MARKS[gate.verdict.outcome]} {quiet(gate.verdict.reason, 2000)}"]
    if gate.findings:
        placed = len(annotations_of(replace(gate, ending=(), uncovered=())))
        lines += ["", f"**{counted(len(gate.findings), 'finding')}**, {placed} of them at their lines", ""]
        lines += [finding_line(finding) for finding in gate.findings[:_SHOWN]]
        if len(gate.findings) > _SHOWN:
            lines.append(f"- and {len(gate.findings) - _SHOWN} more")
    if gate.uncovered:
        many = sum(one.last - one.first + 1 for one in gate.uncovered)
        lines += ["", f"**{counted(many, 'changed line')}** that no test runs, each shown where it is"]
    if gate.ending:
        lines += ["", "**Waivers that end within a week**", ""]
        lines += [f"- {quiet(str(use), 500)}" for use in gate.ending]
    if gate.waived:
        lines += ["", "**Waived**", ""]
        lines += [f"- {quiet(str(use), 500)}" for use in gate.waived]
    return CheckReport(f"{aggregate}/{gate.gate}", gate.verdict, cut_lines(lines), annotations)


def aggregate_report(
    verdict: Verdict,
    gates: Iterable[GateResult] = (),
    *,
    conclusion: str | None = None,
    buttons: tuple[Button, ...] | None = None,
    name: str = AGGREGATE,
) -> CheckReport:
    """The one line that branch protection can require; with another name that of one application among several."""
    summary = cut_lines([quiet(verdict.reason, 2000), "", *gate_table(gates)])
    if buttons is None:
        buttons = (CHECK_AGAIN,) if verdict.has_failed else ()
    return CheckReport(name, verdict, summary, buttons=buttons, conclusion=conclusion)


def gate_table(gates: Iterable[GateResult]) -> list[str]:
    """The gates as a table in Markdown; no line where there is none."""
    rows = [
        f"| {quiet(gate.gate)} | {MARKS[gate.verdict.outcome]} {gate.verdict.outcome} | {quiet(gate.verdict.reason)} |"
        for gate in gates
    ]
    return ["| Gate | Verdict | Reason |", "|---|---|---|", *rows] if rows else []


def finding_line(finding: Finding, link: str = "") -> str:
    """An item of a list; with a link to where it is."""
    place = f"[{quiet(finding.place)}]({link})" if link else quiet(finding.place)
    return f"- {finding.severity} {quiet(finding.rule, 100)} at {place}: {quiet(finding.message)}"
