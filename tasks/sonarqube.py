"""SonarQube's word on an analysis: waits until it is computed, then reads the quality gate."""

import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import httpx
from prefect import get_run_logger

from blocks.sonarqube import SonarQubeServer
from tasks.domain.errors import AccessRefused, Unreachable
from tasks.domain.gates.sonarqube import ComputedTask, decide_quality_gate, decide_task, parse_gate, parse_task
from tasks.domain.reports.sonarqube import SonarQubeAnalysis
from tasks.domain.verdict import Verdict, failed
from tasks.retry import outside_task


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
) -> Verdict:
    """The quality gate's verdict on exactly this analysis; failed where SonarQube could not compute it, or not in time.

    `accept` are the states of the gate that pass.
    Resumable: it only reads. Raises AccessRefused, and Unreachable where the server gives no usable answer.
    https://docs.sonarsource.com/sonarqube-server/extension-guide/web-api
    """
    with server.get_client() as client:
        computed = _wait_until_computed(client, analysis, patience)
        verdict = decide_task(computed, limit=patience.limit)
        if verdict.has_passed:
            verdict = _read_gate(client, computed, accept)
    get_run_logger().info("SonarQube on %s: %s", analysis.project, verdict.reason)
    return verdict


def _wait_until_computed(client: httpx.Client, analysis: SonarQubeAnalysis, patience: Patience) -> ComputedTask:
    deadline, pause = time.monotonic() + patience.limit, patience.first_pause
    while True:
        answer = _get(client, "/ce/task", {"id": analysis.task}, right="Execute Analysis")
        if answer is None:
            return ComputedTask("GONE")
        computed = parse_task(answer)
        if computed.has_ended or time.monotonic() + pause > deadline:
            return computed
        time.sleep(pause)
        pause = min(pause * 1.5, patience.longest_pause)


def _read_gate(client: httpx.Client, computed: ComputedTask, accept: Collection[str]) -> Verdict:
    parameters = {"analysisId": computed.analysis}
    answer = _get(client, "/qualitygates/project_status", parameters, right="Browse")
    if answer is None:
        return failed("SonarQube no longer knows the analysis; run the check again.")
    return decide_quality_gate(parse_gate(answer), accept)


def _get(client: httpx.Client, path: str, parameters: dict[str, str], *, right: str) -> Any:
    """The answer's JSON; None where SonarQube knows no such thing."""
    response = client.get(path, params=parameters)
    if response.status_code == httpx.codes.NOT_FOUND:
        return None
    if response.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        raise AccessRefused(
            f"SonarQube refuses {path} ({response.status_code}); give the block's token the permission {right!r}"
        )
    response.raise_for_status()
    try:
        return response.json()
    except ValueError as problem:
        raise Unreachable(f"SonarQube's answer to {path} is not JSON; check the block's URL") from problem
