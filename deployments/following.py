"""Starts a run of a deployment and follows it to its end, for commands that do what the UI's Run does."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import ObjectNotFound

from deployments.prefect_server import explain, require_server
from tasks.domain.errors import ConfigurationError
from tasks.runs.promotions import run_url

_LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended; it has completed only where all that was asked for is done."""

    name: str
    message: str
    has_completed: bool


def start_and_follow(deployment: str, parameters: Mapping[str, str], say: Callable[[str], None]) -> Ending:
    """Start the run and say each of its states until it has ended; whoever stops looking does not stop the run.

    Raises ConfigurationError where the deployment is not there or takes other parameters, Unreachable where the server
    does not answer.
    """
    require_server()
    try:
        with get_client(sync_client=True) as client:
            run = _start(client, deployment, parameters)
            say(f"{deployment.partition('/')[0]} {run.name}: {run_url(str(run.id))}")
            return _follow(client, run, say)
    except httpx.HTTPError as error:
        raise explain(error) from error


def _start(client: SyncPrefectClient, deployment: str, parameters: Mapping[str, str]) -> FlowRun:
    try:
        found = client.read_deployment_by_name(deployment)
        return client.create_flow_run_from_deployment(found.id, parameters=dict(parameters))
    except ObjectNotFound:
        sentence = f"the Prefect server has no deployment {deployment}; run `prefect --no-prompt deploy --all`"
        raise ConfigurationError(sentence) from None
    except httpx.HTTPStatusError as error:
        if error.response.status_code != httpx.codes.CONFLICT:
            raise
        sentence = f"the deployment {deployment} takes other parameters; run `prefect --no-prompt deploy --all`"
        raise ConfigurationError(sentence) from error


def _follow(client: SyncPrefectClient, run: FlowRun, say: Callable[[str], None]) -> Ending:
    said = ""
    while True:
        state = client.read_flow_run(run.id).state
        if state is not None and state.is_final():
            return Ending(state.name or "", state.message or "", state.is_completed())
        if state is not None and state.name and state.name != said:
            said = state.name
            say(f"{said} ...")
        time.sleep(_LOOK_SECONDS)
