"""How a run ends in the Prefect UI: one named state for each way, with the same sentence as everywhere else."""

from typing import Any

from prefect import Flow, State
from prefect.client.schemas.objects import FlowRun
from prefect.states import Cancelled, Completed, Failed

from flows.workshop import load_workshop
from tasks.domain.approval.decision import Expired, Rejected
from tasks.domain.gates.gate import AGGREGATE
from tasks.domain.promotion.decision import Refuse, Superseded, Wait
from tasks.domain.verdict import failed
from tasks.github import set_status
from tasks.runs import run_url


def end(answer: Refuse | Wait | Superseded | Rejected | Expired) -> State:
    """Red is what a person has to look at; grey is what somebody decided; green needs nothing."""
    match answer:
        case Refuse():
            return Failed(name="Refused", message=answer.reason)
        case Wait():
            return Completed(name="Waiting", message=answer.reason)
        case Superseded():
            return Cancelled(name="Superseded", message=answer.reason)
        case Rejected():
            return Cancelled(name="Rejected", message=answer.reason)
        case Expired():
            return Failed(name="Expired", message=answer.reason)


def tell_github(flow: Flow[..., Any], flow_run: FlowRun, state: State) -> None:
    """However a run of integrate fails, its commit must not stay pending for ever; Prefect calls this at its end."""
    commit, workshop = flow_run.parameters["commit"], load_workshop(flow_run.parameters["application"])
    verdict = failed(state.message or f"{flow.name} ended as {state.name}.")
    url = run_url(str(flow_run.id))
    set_status.fn(workshop.github, workshop.app.repository, commit, AGGREGATE, verdict, target_url=url)
