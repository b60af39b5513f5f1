"""What the runs of one commit have done so far, read from Prefect's API, and how long each phase took."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowFilter, FlowFilterName, FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun, TaskRun
from prefect.client.schemas.sorting import FlowRunSort, TaskRunSort

from tasks.runs.members import candidates_of

_LATER = datetime.max.replace(tzinfo=UTC)
# Which task belongs to which phase; the phase of a promotion is named after its environment too.
_PHASES = {
    "run_check": "checks",
    "wait_for_quality_gate": "checks",
    "build_image": "build",
    "push_image": "push",
    "write_image": "commit",
    "write_together": "commit",
    "propose_image": "commit",
    "merge_pull_request": "commit",
    "wait_for_every_rollout": "rollout",
    "check_http": "post-deploy checks",
    "check_by_command": "post-deploy checks",
    "check_metric": "post-deploy checks",
    "run_action": "rollout",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One task run."""

    name: str
    phase: str | None
    state: str
    started: datetime | None
    ended: datetime | None


@dataclass(frozen=True, slots=True)
class Run:
    """One flow run; `environment` and `digest` are empty for integrate."""

    run_id: UUID
    flow: str
    name: str
    environment: str
    digest: str
    state_type: str
    state: str
    state_id: UUID | None
    message: str
    created: datetime
    started: datetime | None
    ended: datetime | None
    steps: tuple[Step, ...]
    planned_for: datetime | None = None

    @property
    def is_over(self) -> bool:
        """Whether it has come to an end, good or bad."""
        return self.state_type in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}

    @property
    def is_waiting(self) -> bool:
        """Whether it waits for a person."""
        return self.state_type == "PAUSED"


def read_runs(client: SyncPrefectClient, commit: str) -> tuple[Run, ...]:
    """Every run of this commit, oldest first; it must be among the latest of its server."""
    flows = {flow.id: flow.name for flow in client.read_flows()}
    # The server gives 200 at once: without these two, runs long ended or only planned might be all of them.
    candidates = FlowFilter(name=FlowFilterName(any_=["answer", "integrate", "promote", "release"]))
    latest = client.read_flow_runs(flow_filter=candidates, sort=FlowRunSort.START_TIME_DESC)
    runs = [run for run in latest if any(one.get("commit") == commit for one in candidates_of(run.parameters))]
    runs.sort(key=lambda run: run.created or _LATER)
    steps = _read_steps(client, runs)
    return tuple(_run(run, flows[run.flow_id], steps.get(run.id, [])) for run in runs)


def phase_seconds(runs: Iterable[Run]) -> dict[str, float]:
    """Each phase from the start of its first step to the end of its last, in the order in which they began."""
    spans: dict[str, tuple[datetime, datetime]] = {}
    for run in runs:
        for step in _of_this_change(run):
            if step.phase is None or step.started is None or step.ended is None:
                continue
            name = f"{run.environment} {step.phase}".strip()
            start, end = spans.get(name, (step.started, step.ended))
            spans[name] = (min(start, step.started), max(end, step.ended))
    ordered = sorted(spans.items(), key=lambda item: item[1][0])
    return {name: round((end - start).total_seconds(), 2) for name, (start, end) in ordered}


def _of_this_change(run: Run) -> Iterable[Step]:
    """Without the checks of the environment before, which a promotion asks again until it writes."""
    written = next((step.started for step in run.steps if step.phase == "commit"), None)
    for step in run.steps:
        if step.phase != "post-deploy checks" or (written and step.started and step.started > written):
            yield step


def _read_steps(client: SyncPrefectClient, runs: list[FlowRun]) -> dict[UUID, list[TaskRun]]:
    found: dict[UUID, list[TaskRun]] = {}
    if runs:
        mine = FlowRunFilter(id=FlowRunFilterId(any_=[run.id for run in runs]))
        for task_run in _pages(client, mine):
            if task_run.flow_run_id:
                found.setdefault(task_run.flow_run_id, []).append(task_run)
    return found


def _pages(client: SyncPrefectClient, mine: FlowRunFilter) -> Iterator[TaskRun]:
    # The server gives at most 200 at once.
    for offset in count(0, 200):
        page = client.read_task_runs(
            flow_run_filter=mine, sort=TaskRunSort.EXPECTED_START_TIME_ASC, limit=200, offset=offset
        )
        yield from page
        if len(page) < 200:
            return


def _run(run: FlowRun, flow: str, task_runs: list[TaskRun]) -> Run:
    state = run.state
    return Run(
        run_id=run.id,
        flow=flow,
        name=run.name,
        environment=run.parameters.get("environment", ""),
        digest=run.parameters.get("digest", ""),
        state_type=state.type.value if state else "SCHEDULED",
        state=(state.name or "") if state else "Scheduled",
        state_id=state.id if state else None,
        message=(state.message or "") if state else "",
        created=run.created or _LATER,
        started=run.start_time,
        ended=run.end_time,
        planned_for=_planned_for(run),
        steps=tuple(_step(t) for t in sorted(task_runs, key=lambda t: t.start_time or _LATER)),
    )


def _planned_for(run: FlowRun) -> datetime | None:
    """When it starts, where that is not now."""
    at = run.next_scheduled_start_time if run.state and run.state.is_scheduled() else None
    return at if at and at > datetime.now(UTC) else None


def _step(task_run: TaskRun) -> Step:
    # A task's key is its function's name and a hash of its source.
    function = task_run.task_key.rsplit("-", 1)[0].rsplit(".", 1)[-1]
    state = task_run.state.name if task_run.state else ""
    return Step(task_run.name, _PHASES.get(function), state or "", task_run.start_time, task_run.end_time)
