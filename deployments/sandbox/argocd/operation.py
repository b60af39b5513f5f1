"""The loop that carries out what an Application's `operation` asks for, apart from the loop that compares.

Each step is one piece of work and leaves its state in the Application, so that a person may terminate it in between.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from deployments.sandbox.argocd.clock import timestamp
from deployments.sandbox.argocd.comparison import compare
from deployments.sandbox.argocd.desired import TargetStateError
from deployments.sandbox.argocd.duration import seconds_of
from deployments.sandbox.argocd.faults import spend
from deployments.sandbox.argocd.history import add_to_history
from deployments.sandbox.argocd.parts import Parts
from deployments.sandbox.argocd.resources import Document
from deployments.sandbox.argocd.status import revision_fields, source_fields
from deployments.sandbox.argocd.store import ApplicationName, WatchEvent, name_of
from deployments.sandbox.argocd.sync_stages import Attempt, Waiting
from deployments.sandbox.argocd.work import WorkQueue

_LOOK_AT_WINDOWS = 0.5
_LOOK_AT_HOOKS = 0.05


@dataclass(frozen=True, slots=True)
class _Outcome:
    phase: str
    message: str
    result: Document


@dataclass(slots=True)
class _Progress:
    """What the loop remembers of a running operation beside its state in the Application."""

    due: float
    outcome: _Outcome | None = None
    attempt: Attempt | None = None


@dataclass(slots=True)
class OperationLoop:
    """Works on each Application that has an operation; `on_finished` is told of each that ended."""

    parts: Parts
    on_finished: Callable[[ApplicationName], None]
    queue: WorkQueue[ApplicationName] = field(init=False)
    _progress: dict[ApplicationName, _Progress] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.queue = WorkQueue("argocd-operations", self._step)
        self.parts.store.subscribe(self._notice)

    def _notice(self, event: WatchEvent) -> None:
        application = event.application
        state = application["status"].get("operationState")
        if "operation" in application and (state is None or state["phase"] == "Terminating"):
            self.queue.add(name_of(application))

    def _step(self, key: ApplicationName) -> None:
        application = self.parts.store.get(key)
        if application is None or "operation" not in application:
            self._progress.pop(key, None)
            return
        state = application["status"].get("operationState")
        if state is None:
            self._begin(key)
        elif state["phase"] == "Terminating":
            self._finish(key, _Outcome("Failed", "Operation terminated", state.get("syncResult") or {}))
        elif (wait := self._progress.setdefault(key, _Progress(0.0)).due - time.monotonic()) > 0:
            self.queue.add(key, wait)
        elif "finishedAt" in state:
            self._begin_again(key)
        elif outcome := self._progress[key].outcome:
            self._conclude(key, application, outcome)
        else:
            self._attempt(key, application)

    def _begin(self, key: ApplicationName) -> None:
        def change(document: Document) -> None:
            running = {"operation": document["operation"], "phase": "Running", "startedAt": timestamp()}
            document["status"]["operationState"] = running

        self._wait(key, self.parts.timing.operation_takes)
        self.parts.store.update(key, change)

    def _begin_again(self, key: ApplicationName) -> None:
        """A retry: what the last attempt left is cleared, only its count stays."""
        self._wait(key, self.parts.timing.operation_takes)
        left = ("finishedAt", "syncResult", "message")
        self._change_state(key, lambda state: [state.pop(name, None) for name in left])

    def _attempt(self, key: ApplicationName, application: Document) -> None:
        operation = application["operation"]
        manual = not (operation.get("initiatedBy") or {}).get("automated")
        if not self.parts.may_sync(application, manual=manual):
            self._wait(key, _LOOK_AT_WINDOWS)
            self._change_state(key, lambda state: state.update(message="Sync operation blocked by sync window"))
            return
        attempt = self._progress[key].attempt or Attempt()
        outcome, result = self._carry_out(application, attempt)
        if isinstance(outcome, Waiting):
            self._wait(key, _LOOK_AT_HOOKS, attempt=attempt)
            self._change_state(key, lambda state: state.update(message=outcome.message, syncResult=result))
            return
        self._wait(key, self.parts.timing.operation_takes, outcome)
        self._change_state(key, lambda state: state.update(syncResult=result))

    def _carry_out(self, application: Document, attempt: Attempt) -> tuple[_Outcome | Waiting, Document]:
        sync, faults = application["operation"]["sync"], self.parts.faults_of(application)
        revisions = tuple(sync.get("revisions") or [sync["revision"]])
        result: dict[str, Any] = {**revision_fields(application, revisions), **source_fields(application)}
        try:
            desired = self.parts.desired.at(application, revisions, render_from=faults.render_from)
        except TargetStateError as error:
            return _Outcome("Error", f"ComparisonError: {error}", result), result
        strikes = faults.failing_syncs != 0 and not attempt.is_applied
        if strikes:
            _, faults.failing_syncs = spend(faults.failing_syncs)
        cluster, name = self.parts.cluster, application["metadata"]["name"]
        refusal = faults.sync_failure if strikes else None
        step = attempt.advance(application, lambda: compare(name, desired, cluster), cluster, refusal)
        result["resources"] = attempt.results
        return (step if isinstance(step, Waiting) else _Outcome(step.phase, step.message, result)), result

    def _conclude(self, key: ApplicationName, application: Document, outcome: _Outcome) -> None:
        state, retry = application["status"]["operationState"], application["operation"].get("retry") or {}
        tried = state.get("retryCount", 0)
        limit = retry.get("limit", 0)
        if outcome.phase == "Succeeded" or (0 <= limit <= tried):
            suffix = f" (retried {tried} times)." if tried and outcome.phase != "Succeeded" else ""
            self._finish(key, _Outcome(outcome.phase, outcome.message + suffix, outcome.result))
            return
        pause = _back_off(retry.get("backoff") or {}, tried) * self.parts.timing.retry_scale
        at = datetime.now().astimezone() + timedelta(seconds=pause)
        message = f"{outcome.message}. Retrying attempt #{tried + 1} at {at:%-I:%M%p}."
        failed = {"finishedAt": timestamp(), "retryCount": tried + 1, "message": message}
        self._wait(key, pause)
        self._change_state(key, lambda state: state.update(failed))

    def _finish(self, key: ApplicationName, outcome: _Outcome) -> None:
        def change(document: Document) -> None:
            state = document["status"]["operationState"]
            state.update(phase=outcome.phase, message=outcome.message, finishedAt=timestamp())
            if outcome.result:
                state["syncResult"] = outcome.result
            document.pop("operation", None)
            add_to_history(document)

        self._progress.pop(key, None)
        self.parts.store.update(key, change)
        self.on_finished(key)

    def _change_state(self, key: ApplicationName, change: Callable[[Document], object]) -> None:
        """Edit the operation's state, unless it is being terminated, which must not be undone."""

        def edit(document: Document) -> None:
            state = document["status"].get("operationState")
            if state and state["phase"] == "Running":
                change(state)

        self.parts.store.update(key, edit)

    def _wait(
        self, key: ApplicationName, seconds: float, outcome: _Outcome | None = None, *, attempt: Attempt | None = None
    ) -> None:
        self._progress[key] = _Progress(time.monotonic() + seconds, outcome, attempt)
        self.queue.add(key, seconds)


def _back_off(backoff: Document, tried: int) -> float:
    """Argo CD's defaults: 5 seconds, doubled each time, 3 minutes at most."""
    longest = seconds_of(backoff.get("maxDuration") or "3m")
    first, factor = seconds_of(backoff.get("duration") or "5s"), float(backoff.get("factor") or 2)
    return float(min(first * factor**tried, longest))
