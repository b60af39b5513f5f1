"""Ends a promotion that cannot go on now, and sees to it that it is started again where only time is missing."""

from datetime import UTC, datetime, timedelta
from typing import Any

from prefect import Flow, State, get_run_logger
from prefect.client.schemas.objects import FlowRun
from prefect.runtime import flow_run as own

from flows.endings import end
from flows.places.place import Place
from tasks.delivery import read_delivery
from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.promotion.decision import Later, NotNow, Queued, Wait
from tasks.runs.promotions import run_url, start_promotion, start_queued

# Where the one before died without a word; else it starts the next one itself.
_QUEUED_AT_MOST = timedelta(hours=1)


def leave(place: Place, candidate: ReleaseCandidate, decision: NotNow, break_glass: str = "") -> State:
    """The run's end; one that only has to wait for a time leaves a run that Prefect's scheduler starts then.

    So nothing waits in a process, and the waiting is seen in Prefect as a run that is scheduled.
    """
    ending = end(decision)
    at = goes_on_at(decision)
    if at is None:
        return ending
    run = start_promotion(
        place.application,
        place.environment,
        candidate.commit,
        candidate.digest,
        parent=str(own.id),
        at=at,
        break_glass=break_glass,
        queued=isinstance(decision, Queued),
    )
    ending.message = f"{decision.reason}; goes on by itself: {run_url(str(run))}"
    get_run_logger().info(ending.message)
    return ending


def let_the_next_go(flow: Flow[..., Any], flow_run: FlowRun, state: State) -> None:  # noqa: ARG001 - Prefect's names
    """Where candidates go in turn, whoever waits behind this run is started; Prefect calls this at its end."""
    application, environment = flow_run.parameters["application"], flow_run.parameters["environment"]
    known = read_delivery().environments.get(environment)
    if known is not None and known.order == "queue":
        start_queued.fn(application, environment)


def goes_on_at(decision: NotNow) -> datetime | None:
    """When it is to be started again; None where only time does not help."""
    match decision:
        case Wait(until=until) | Later(until=until):
            return until
        case Queued():
            return datetime.now(UTC) + _QUEUED_AT_MOST
    return None
