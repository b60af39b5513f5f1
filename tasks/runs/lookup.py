"""Promotions as the Prefect server knows them, for whoever looks from outside: what is on its way, and how it ended."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowFilter, FlowFilterName
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound

from tasks.runs.members import PROMOTING, candidates_of, is_release
from tasks.runs.promotions import run_url

_PAGE, _MOST = 200, 1000


@dataclass(frozen=True, slots=True)
class SeenRun:
    """A run with its parameters as texts, for one of its candidates where it promotes several.

    `flow` is empty where it is not known. `planned_for` is set while it waits for a time.
    """

    run_id: UUID
    flow: str
    name: str
    parameters: dict[str, str]
    state_type: str
    state: str
    message: str
    since: datetime | None
    planned_for: datetime | None

    @property
    def is_over(self) -> bool:
        """Whether it has ended, in whatever way."""
        return self.state_type in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}

    @property
    def is_asking(self) -> bool:
        """Whether it waits for a person."""
        return self.state_type == "PAUSED"

    def is_before(self, other: "SeenRun") -> bool:
        """Whether both are at work, and this one since longer."""
        if self.since is None or other.since is None:
            return False
        return self.state_type == other.state_type == "RUNNING" and self.since < other.since

    @property
    def url(self) -> str:
        """Where a person looks at it."""
        return run_url(str(self.run_id))

    def is_to(self, application: str, environment: str) -> bool:
        """Whether it promotes this application to this environment."""
        return (self.parameters.get("application"), self.parameters.get("environment")) == (application, environment)


def find_promotions() -> tuple[SeenRun, ...]:
    """The latest thousand runs of promote and release, newest first; a release's once for each of its members."""
    with get_client(sync_client=True) as client:
        return tuple(
            seen
            for run in _promotions(client)
            for seen in _seen(run, "release" if is_release(run.parameters) else "promote")
        )


def find_run(run_id: UUID) -> tuple[SeenRun, ...]:
    """One run of whatever flow, a release's once for each of its members; nothing where there is none of that id."""
    with get_client(sync_client=True) as client:
        try:
            run = client.read_flow_run(run_id)
            return tuple(_seen(run, client.read_flow(run.flow_id).name))
        except ObjectNotFound:
            return ()


def _promotions(client: SyncPrefectClient) -> Iterator[FlowRun]:
    for offset in range(0, _MOST, _PAGE):
        page = client.read_flow_runs(
            flow_filter=FlowFilter(name=FlowFilterName(any_=PROMOTING)),
            sort=FlowRunSort.START_TIME_DESC,
            limit=_PAGE,
            offset=offset,
        )
        yield from page
        if len(page) < _PAGE:
            return


def _seen(run: FlowRun, flow: str) -> Iterator[SeenRun]:
    state = run.state
    is_planned = state is not None and state.is_scheduled()
    for candidate in candidates_of(run.parameters):
        yield SeenRun(
            run_id=run.id,
            flow=flow,
            name=run.name,
            parameters=candidate,
            state_type=state.type.value if state else "SCHEDULED",
            state=(state.name or "") if state else "Scheduled",
            message=(state.message or "") if state else "",
            since=state.timestamp if state else run.created,
            planned_for=run.next_scheduled_start_time if is_planned else None,
        )
