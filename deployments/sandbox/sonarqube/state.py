"""What the SonarQube stand-in holds: tokens, projects, background tasks and their analyses."""

import itertools
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Flag, auto

from deployments.sandbox.sonarqube.analysis import InvalidUpload, measure, read_metadata
from deployments.sandbox.sonarqube.quality_gate import DEFAULT_CONDITIONS, Condition, forced_error, judge
from deployments.sandbox.sonarqube.records import Analysis, Task
from deployments.sandbox.sonarqube.webhooks import Delivery, Webhook, payload, send


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
    # How often each webhook is sent.
    webhook_copies: int = 1

    def take(self, path: str) -> int | None:
        """The status to answer this request with, if one was ordered."""
        for ordered in self.next_answers:
            if path.startswith(ordered[0]):
                self.next_answers.remove(ordered)
                return ordered[1]
        return None


class SonarQubeState:
    """Projects appear with their first upload, as SonarQube provisions them; all share one quality gate.

    A task takes `processing_seconds`, half of them pending. Change `conditions` to change the gate; none means no gate.
    `public_url` is what the server calls itself, where that is not the address that it is asked at; `webhooks` are told
    of every analysis that is computed from then on.
    """

    def __init__(
        self, *, processing_seconds: float = 0.3, conditions: Sequence[Condition] = DEFAULT_CONDITIONS
    ) -> None:
        self.processing_seconds = processing_seconds
        self.conditions = tuple(conditions)
        self.faults = Faults()
        self.analyses: dict[str, Analysis] = {}
        self.public_url = ""
        self.webhooks: list[Webhook] = []
        self.deliveries: list[Delivery] = []
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

    def submit(self, project: str, report: bytes, pull_request: str | None = None) -> Task:
        """Take an upload; it is only looked at when its time has come."""
        with self._lock:
            task = Task(f"AY{next(self._numbers):018d}", project, report, time.time(), pull_request=pull_request)
            task.is_told = bool(self.webhooks)
            self._tasks[task.id] = task
            if task.is_told:
                timer = threading.Timer(self.processing_seconds, self._compute_and_tell, (task,))
                timer.daemon = True
                timer.start()
            if self.faults.next_task_fails is not None:
                task.error, self.faults.next_task_fails = self.faults.next_task_fails, None
            return task

    def queue(self, project: str) -> list[Task]:
        """The project's uploads that are not computed yet."""
        with self._lock:
            known = [self.task(task.id) for task in self._tasks.values() if task.project == project]
            return [task for task in known if task and task.status in ("PENDING", "IN_PROGRESS")]

    def task(self, task_id: str) -> Task | None:
        """A task as it is now."""
        with self._lock:
            task = self._tasks.get(task_id)
            if task and task.status in ("PENDING", "IN_PROGRESS"):
                self._advance(task)
            return task

    def _advance(self, task: Task) -> None:
        age = time.time() - task.submitted
        if age < self.processing_seconds or task.is_told:
            task.status = "PENDING" if age < self.processing_seconds / 2 else "IN_PROGRESS"
            return
        task.status = self._end(task)

    def _end(self, task: Task) -> str:
        try:
            if task.error:
                raise InvalidUpload(task.error)
            task.analysis = self._compute(task).id
        except InvalidUpload as problem:
            task.error = str(problem)
            return "FAILED"
        return "SUCCESS"

    def _compute_and_tell(self, task: Task) -> None:
        """SonarQube calls a task done only after it has sent the webhooks, whatever was answered."""
        with self._lock:
            status = self._end(task)
            computed = self.analyses.get(task.analysis or "")
            told = payload(self.public_url, task, status, computed)
            webhooks = self.webhooks * self.faults.webhook_copies
        self.deliveries += send(webhooks, task.project, told)
        with self._lock:
            task.status, task.is_told = status, False

    def _compute(self, task: Task) -> Analysis:
        measured, before = measure(task.report), self.last_analysis(task.project)
        values = dict(measured.values)
        if before is not None:
            # Lines move; what stays the same is the rule, the file and the line's own text.
            known = {(issue.rule, issue.path, issue.text) for issue in before.issues}
            new = sum((issue.rule, issue.path, issue.text) not in known for issue in measured.issues)
            values["new_violations"] = Decimal(new)
        gate = forced_error() if self.faults.gate_fails else judge(self.conditions, values)
        analysis = Analysis(
            f"AN{next(self._numbers):018d}",
            task.project,
            task.pull_request,
            read_metadata(task.report),
            time.time(),
            values,
            measured.issues,
            gate,
        )
        self.analyses[analysis.id] = analysis
        return analysis

    def last_analysis(self, project: str) -> Analysis | None:
        """The newest analysis of a project's main branch."""
        return next(iter(self.main_analyses(project)), None)

    def main_analyses(self, project: str) -> list[Analysis]:
        """The analyses of a project's main branch, newest first."""
        known = reversed(self.analyses.values())
        return [one for one in known if one.project == project and one.pull_request is None]

    def has_project(self, project: str) -> bool:
        """Whether anything was ever uploaded for it."""
        return any(task.project == project for task in self._tasks.values())
