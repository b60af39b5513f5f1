"""SonarQube's word on an analysis: waits until it is computed, then reads the quality gate."""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from uuid import UUID

import httpx
from prefect import get_run_logger
from prefect.client.orchestration import get_client

from blocks.sonarqube import SonarQubeServer
from tasks.domain.gates.sonarqube import ComputedTask, decide_quality_gate, decide_task, parse_gate, parse_task
from tasks.domain.reports.sonarqube import SonarQubeAnalysis, is_of_server
from tasks.domain.verdict import Verdict, failed
from tasks.retry import outside_task
from tasks.sonarqube.api import ask
from tasks.sonarqube.told import was_told

# How often a run looks whether SonarQube's webhook has come in, and how soon it asks again once it has: SonarQube sends
# it just before it calls the task done.
_LISTEN_SECONDS, _SOON_SECONDS = 1.0, 0.5


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the computation may take and how often to look, in seconds; the pauses grow to `longest_pause`."""

    limit: float = 600.0
    first_pause: float = 0.5
    longest_pause: float = 10.0


@outside_task("wait for SonarQube on {analysis.project}")
def wait_for_quality_gate(
    server: SonarQubeServer,
    analysis: SonarQubeAnalysis,
    *,
    accept: Collection[str] = ("OK",),
    patience: Patience = Patience(),
    run: UUID | None = None,
) -> Verdict:
    """The quality gate's verdict on exactly this analysis; failed where SonarQube could not compute it, or not in time.

    `accept` are the states of the gate that pass. With `run`, news that the webhook leaves for that run end a pause at
    once; where none come, the pauses are what they are. Resumable: it only reads.
    Raises AccessRefused, and Unreachable where the server gives no usable answer.
    """
    with server.get_client() as client:
        verdict = _problem_with_server(client, server, analysis) or _judge(client, analysis, accept, patience, run)
    get_run_logger().info("SonarQube on %s: %s", analysis.project, verdict.reason)
    return verdict


def read_gate(client: httpx.Client, analysis: str, accept: Collection[str]) -> Verdict:
    """What the quality gate said when the analysis of this id was computed."""
    answer = ask(client, "/qualitygates/project_status", {"analysisId": analysis}, right="Browse")
    if answer is None:
        return failed("SonarQube no longer knows the analysis; run the check again.")
    return decide_quality_gate(parse_gate(answer), accept)


def wait_until_computed(
    client: httpx.Client, task: str, patience: Patience, has_news: Callable[[], bool] = lambda: False
) -> ComputedTask:
    """The task once it has ended, or as it is when patience is at its end."""
    deadline, pause = time.monotonic() + patience.limit, patience.first_pause
    while True:
        answer = ask(client, "/ce/task", {"id": task}, right="Execute Analysis")
        if answer is None:
            return ComputedTask("GONE")
        computed = parse_task(answer)
        if computed.has_ended or time.monotonic() + pause > deadline:
            return computed
        if _pause(pause, has_news):
            pause, has_news = min(_SOON_SECONDS, patience.first_pause), lambda: False
        else:
            pause = min(pause * 1.5, patience.longest_pause)


def _problem_with_server(client: httpx.Client, server: SonarQubeServer, analysis: SonarQubeAnalysis) -> Verdict | None:
    """Why the scanner did not report here; a server may be called by another address than the one that it tells."""
    if is_of_server(analysis, server.url) or is_of_server(analysis, *_public_address(client)):
        return None
    return failed(
        f"The scanner reported to {analysis.server} and not to {server.url}; remove sonar.host.url from the repository."
    )


def _public_address(client: httpx.Client) -> list[str]:
    answer = ask(client, "/settings/values", {"keys": "sonar.core.serverBaseURL"}, right="Browse") or {}
    return [str(one.get("value", "")) for one in answer.get("settings", [])]


def _judge(
    client: httpx.Client,
    analysis: SonarQubeAnalysis,
    accept: Collection[str],
    patience: Patience,
    run: UUID | None,
) -> Verdict:
    if run is None:
        computed = wait_until_computed(client, analysis.task, patience)
    else:
        with get_client(sync_client=True) as prefect:
            computed = wait_until_computed(
                client, analysis.task, patience, partial(was_told, prefect, run, analysis.task)
            )
    verdict = decide_task(computed, limit=patience.limit, project=analysis.project)
    return read_gate(client, computed.analysis, accept) if verdict.has_passed else verdict


def _pause(seconds: float, has_news: Callable[[], bool]) -> bool:
    """Whether news came within that time, which then is over at once."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if has_news():
            return True
        time.sleep(min(left, _LISTEN_SECONDS))
    return False
