"""What the SonarQube stand-in holds: tokens, projects, background tasks and their analyses."""

import itertools
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import Flag, auto
from typing import Any

from deployments.sandbox.sonarqube.analysis import InvalidUpload, Issue, measure
from deployments.sandbox.sonarqube.quality_gate import DEFAULT_CONDITIONS, Condition, forced_error, judge


class Right(Flag):
    """What a token allows on every project."""

    EXECUTE_ANALYSIS = auto()
    BROWSE = auto()


@dataclass
class Faults:
    """Switches for tests; a `next_` one is used once, the others stay on until they are switched off.

    `next_answers` are statuses for the next requests whose path starts so, in order.
    """

    next_answers: list[tuple[str, int]] = field(default_factory=list)
    # The text is what the failed task says.
    next_task_fails: str | None = None
    gate_fails: bool = False

    def take(self, path: str) -> int | None:
        """The status to answer this request with, if one was ordered."""
        for ordered in self.next_answers:
            if path.startswith(ordered[0]):
                self.next_answers.remove(ordered)
                return ordered[1]
        return None


@dataclass
class Task:
    """One upload on its way to an analysis; it is computed when first asked for after its time."""

    id: str
    project: str
    report: bytes = field(repr=False)
    submitted: float
    status: str = "PENDING"
    error: str | None = None
    analysis: str | None = None


@dataclass(frozen=True)
class Analysis:
    """A computed upload."""

    id: str
    project: str
    values: dict[str, Decimal]
    issues: tuple[Issue, ...]
    gate: dict[str, Any]


class SonarQubeState:
    """Projects appear with their first upload, as SonarQube provisions them; all share one quality gate.

    A task takes `processing_seconds`, half of them pending. Change `conditions` to change the gate; none means no gate.
    """

    def __init__(
        self, *, processing_seconds: float = 0.3, conditions: Sequence[Condition] = DEFAULT_CONDITIONS
    ) -> None:
        self.processing_seconds = processing_seconds
        self.conditions = tuple(conditions)
        self.faults = Faults()
        self.analyses: dict[str, Analysis] = {}
        self._tasks: dict[str, Task] = {}
        self._tokens: dict[str, Right] = {}
        self._lock = threading.RLock()
        self._numbers = itertools.count(1)

    def add_token(self, token: str, rights: Right = Right.EXECUTE_ANALYSIS | Right.BROWSE) -> None:
        """Let someone in."""
        self._tokens[token] = rights

    def rights_of(self, token: str) -> Right | None:
        """What a token allows; None for an unknown one."""
        return self._tokens.get(token)

    def submit(self, project: str, report: bytes) -> Task:
        """Take an upload; it is only looked at when its time has come."""
        with self._lock:
            task = Task(f"AY{next(self._numbers):018d}", project, report, submitted=time.time())
            self._tasks[task.id] = task
            if self.faults.next_task_fails is not None:
                task.error, self.faults.next_task_fails = self.faults.next_task_fails, None
            return task

    def task(self, task_id: str) -> Task | None:
        """A task as it is now."""
        with self._lock:
            task = self._tasks.get(task_id)
            if task and task.status in ("PENDING", "IN_PROGRESS"):
                self._advance(task)
            return task

    def _advance(self, task: Task) -> None:
        age = time.time() - task.submitted
        if age < self.processing_seconds:
            task.status = "PENDING" if age < self.processing_seconds / 2 else "IN_PROGRESS"
            return
        try:
            if task.error:
                raise InvalidUpload(task.error)
            task.analysis, task.status = self._compute(task).id, "SUCCESS"
        except InvalidUpload as problem:
            task.error, task.status = str(problem), "FAILED"

    def _compute(self, task: Task) -> Analysis:
        measured, before = measure(task.report), self.last_analysis(task.project)
        values = dict(measured.values)
        if before is not None:
            # Lines move; what stays the same is the rule, the file and the line's own text.
            known = {(issue.rule, issue.path, issue.text) for issue in before.issues}
            new = sum((issue.rule, issue.path, issue.text) not in known for issue in measured.issues)
            values["new_violations"] = Decimal(new)
        gate = forced_error() if self.faults.gate_fails else judge(self.conditions, values)
        analysis = Analysis(f"AN{next(self._numbers):018d}", task.project, values, measured.issues, gate)
        self.analyses[analysis.id] = analysis
        return analysis

    def last_analysis(self, project: str) -> Analysis | None:
        """The newest analysis of a project."""
        return next((one for one in reversed(self.analyses.values()) if one.project == project), None)

    def has_project(self, project: str) -> bool:
        """Whether anything was ever uploaded for it."""
        return any(task.project == project for task in self._tasks.values())


def moment(seconds: float) -> str:
    """Seconds since 1970 as SonarQube writes a moment."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")
