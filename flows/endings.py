"""How a run ends in the Prefect UI: one named state for each way, with the same sentence as everywhere else."""

from typing import Any

import httpx
from prefect import Flow, State
from prefect.client.schemas.objects import FlowRun
from prefect.states import Cancelled, Completed, Failed

from flows.places.workshop import load_workshop
from tasks.domain.approval.decision import Expired, Rejected
from tasks.domain.errors import DeliveryError
from tasks.domain.feedback.check import aggregate_report
from tasks.domain.feedback.names import check_names
from tasks.domain.feedback.origin import Origin
from tasks.domain.promotion.decision import Later, NotNow, Queued, Refuse, Stopped, Superseded, Wait
from tasks.domain.verdict import failed
from tasks.github.whole_check import report_aggregate
from tasks.run_log import run_logger
from tasks.runs.promotions import run_url

# Ways in which integrate ends that it has told by itself, or that are none of the commit's business.
TOLD = ("Gates failed", "Image scan failed", "Superseded")


def end(answer: NotNow | Rejected | Expired) -> State:
    """Red is what a person has to look at; grey is what somebody decided; green needs nothing."""
    match answer:
        case Refuse():
            return Failed(name="Refused", message=answer.reason)
        case Wait() | Later() | Queued():
            return Completed(name="Waiting", message=answer.reason)
        case Stopped():
            return Cancelled(name="Stopped", message=answer.reason)
        case Superseded():
            return Cancelled(name="Superseded", message=answer.reason)
        case Rejected():
            return Cancelled(name="Rejected", message=answer.reason)
        case Expired():
            return Failed(name="Expired", message=answer.reason)


def tell_github(flow: Flow[..., Any], flow_run: FlowRun, state: State) -> None:
    """However a run of integrate fails, its commit must not stay pending for ever; Prefect calls this at its end."""
    commit, pull_request = flow_run.parameters["commit"], flow_run.parameters.get("pull_request")
    # A rebuild that broke off says nothing of the commit.
    if state.name in TOLD or flow_run.parameters.get("fresh"):
        return
    verdict = failed(state.message or f"{flow.name} ended as {state.name}.")
    conclusion = "cancelled" if state.is_cancelled() else None
    try:
        workshop = load_workshop(flow_run.parameters["application"])
        origin = Origin(workshop.application, pull_request, str(flow_run.id))
        repository, url = workshop.app.repository, run_url(str(flow_run.id))
        names = check_names(workshop.delivery, workshop.application)
        report = aggregate_report(verdict, conclusion=conclusion, name=names.aggregate)
        # A cancelled run takes back only what it has said itself: its commit may be on the mainline by now.
        report_aggregate.fn(
            workshop.github, repository, commit, report, names, origin, url, begins=not state.is_cancelled()
        )
    except (DeliveryError, httpx.HTTPError) as problem:
        # There is nobody to tell: no such application or commit, or GitHub does not answer.
        run_logger().warning("GitHub was not told how %s ended: %s", flow_run.name, problem)
