"""SonarQube's quality gate is waited for and believed only where it says OK."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from prefect.logging import disable_run_logger
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from blocks.sonarqube import SonarQubeServer
from deployments.sandbox.server import serve
from deployments.sandbox.sonarqube import scanner
from deployments.sandbox.sonarqube.protocol import create_app
from deployments.sandbox.sonarqube.state import SonarQubeState
from tasks.checks.run import run_check
from tasks.domain.errors import AccessRefused, EvidenceMissing, Unreachable
from tasks.domain.gates.check import Check, Reports
from tasks.domain.gates.checks import decide_check
from tasks.domain.reports.sonarqube import SonarQubeAnalysis
from tasks.domain.verdict import Verdict, failed, passed
from tasks.sonarqube.gate import Patience, wait_for_quality_gate

ANALYSIS = SonarQubeAnalysis("AY1", "shop-api")
DONE = {"status": "SUCCESS", "analysisId": "AN1"}
CONDITION = {
    "status": "ERROR",
    "metricKey": "new_coverage",
    "comparator": "LT",
    "errorThreshold": "85",
    "actualValue": "82.5",
}
TOO_MANY = {"status": "ERROR", "metricKey": "bugs", "comparator": "GT", "errorThreshold": "0", "actualValue": "3"}
FINE = {"status": "OK", "metricKey": "new_coverage", "comparator": "LT", "errorThreshold": "85", "actualValue": "99"}


@pytest.fixture(autouse=True)
def _without_a_run() -> Iterator[None]:
    with disable_run_logger():
        yield


@contextmanager
def sonarqube(*tasks: dict[str, Any] | int, gate: dict[str, Any] | int | None = None) -> Iterator[SonarQubeServer]:
    """A server that gives these answers about the task, one after another and the last for ever, then the gate's."""
    left = list(tasks)

    def task(request: Request) -> Response:
        assert request.query_params["id"] == "AY1"
        answer = left.pop(0) if len(left) > 1 else left[0]
        return Response(status_code=answer) if isinstance(answer, int) else JSONResponse({"task": answer})

    def status(request: Request) -> Response:
        assert dict(request.query_params) == {"analysisId": "AN1"}
        return Response(status_code=gate) if isinstance(gate, int) else JSONResponse({"projectStatus": gate})

    routes = [Route("/api/ce/task", task), Route("/api/qualitygates/project_status", status)]
    with serve(Starlette(routes=routes)) as url:
        yield SonarQubeServer(url=url, token=SecretStr("squ_secret"))


def wait(server: SonarQubeServer, *, limit: float = 30.0) -> Verdict:
    patience = Patience(limit=limit, first_pause=0.01, longest_pause=0.02)
    return wait_for_quality_gate.fn(server, ANALYSIS, patience=patience)


def test_waits_until_the_analysis_is_computed_and_takes_its_gate() -> None:
    with sonarqube({"status": "PENDING"}, {"status": "IN_PROGRESS"}, DONE, gate={"status": "OK"}) as server:
        assert wait(server) == passed("SonarQube's quality gate passed.")


@pytest.mark.parametrize(
    ("gate", "reason"),
    [
        (
            {"status": "ERROR", "conditions": [CONDITION, FINE, TOO_MANY]},
            (
                "SonarQube's quality gate failed: new coverage is 82.5, at least 85 is asked for;"
                " bugs is 3, at most 0 is asked for."
            ),
        ),
        ({"status": "NONE"}, "The project has no quality gate in SonarQube; assign one."),
        ({"status": "WARN"}, "SonarQube's quality gate warns; look at the project."),
        ({"status": "SOMETHING"}, "SonarQube's quality gate failed: SOMETHING."),
        (404, "SonarQube no longer knows the analysis; run the check again."),
    ],
)
def test_every_gate_but_ok_has_failed_and_says_why(gate: dict[str, Any] | int, reason: str) -> None:
    with sonarqube(DONE, gate=gate) as server:
        assert wait(server) == failed(reason)


@pytest.mark.parametrize(
    ("task", "reason"),
    [
        (
            {"status": "FAILED", "errorMessage": "no space left"},
            "SonarQube could not compute the analysis (FAILED): no space left",
        ),
        ({"status": "CANCELED"}, "SonarQube could not compute the analysis (CANCELED): it gave no reason"),
        (404, "SonarQube knows no such analysis task; check that the scanner reported to the same server."),
        ({"status": "SUCCESS"}, "SonarQube computed the analysis but gave it no id; look at its background tasks."),
    ],
)
def test_an_analysis_that_could_not_be_computed_has_failed(task: dict[str, Any] | int, reason: str) -> None:
    with sonarqube(task) as server:
        assert wait(server) == failed(reason)


def test_an_analysis_that_takes_too_long_has_failed() -> None:
    with sonarqube({"status": "IN_PROGRESS"}) as server:
        reason = "SonarQube is not done after 0 s (IN_PROGRESS); look at its background tasks."
        assert wait(server, limit=0.05) == failed(reason)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_names_the_permission_and_not_the_token(status: int) -> None:
    with sonarqube(status) as server, pytest.raises(AccessRefused, match="'Execute Analysis'") as refusal:
        wait(server)
    assert "squ_secret" not in str(refusal.value)
    with sonarqube(DONE, gate=status) as server, pytest.raises(AccessRefused, match="'Browse'"):
        wait(server)


def test_a_5xx_while_the_server_restarts_is_left_to_the_task_s_retries() -> None:
    with sonarqube(503, DONE, gate={"status": "OK"}) as server:
        with pytest.raises(httpx.HTTPStatusError):
            wait(server)
        assert wait(server).has_passed


def test_an_answer_that_is_not_sonarqube_s_is_not_believed() -> None:
    with sonarqube({"no": "status"}) as server, pytest.raises(EvidenceMissing, match="no task with a status"):
        wait(server)
    page = Route("/api/ce/task", lambda _: Response("<html>"))
    with serve(Starlette(routes=[page])) as url, pytest.raises(Unreachable, match="is not JSON"):
        wait(SonarQubeServer(url=url, token=SecretStr("squ_secret")))


@pytest.mark.parametrize("gate_fails", [False, True])
def test_what_a_scanner_uploads_is_judged_by_the_server(tmp_path: Path, gate_fails: bool) -> None:
    (tmp_path / "app.py").write_text("def add(a, b):\n    return a + b\n")
    state = SonarQubeState(processing_seconds=0.1)
    state.add_token("squ_secret")
    state.faults.gate_fails = gate_fails
    command = ("python3", scanner.__file__, "-Dsonar.projectKey=shop-api", "-Dsonar.sources=.")
    check = Check(command=command, reports=Reports(sonarqube=".scannerwork/report-task.txt"))
    with serve(create_app(state)) as url:
        server = SonarQubeServer(url=url, token=SecretStr("squ_secret"))
        outcome = run_check.fn("sonarqube", check, tmp_path, sonarqube=server)
        assert outcome.analysis is not None, outcome
        verdict = wait_for_quality_gate.fn(server, outcome.analysis, patience=Patience(30.0, 0.01, 0.02))
    assert decide_check(check, outcome).reason == "Waiting for SonarQube's quality gate."
    held = "bugs is 0, at most 0 is asked for; vulnerabilities is 0, at most 0 is asked for"
    good = f"SonarQube's quality gate passed: {held}."
    reason = "SonarQube's quality gate failed: new violations is 1, at most 0 is asked for."
    assert verdict == (failed(reason) if gate_fails else passed(good))


def test_a_gate_that_passed_tells_what_was_measured_against_what() -> None:
    gate = {"status": "OK", "conditions": [FINE], "ignoredConditions": True}
    with sonarqube(DONE, gate=gate) as server:
        assert wait(server) == passed(
            "SonarQube's quality gate passed: new coverage is 99, at least 85 is asked for."
            " Few lines changed, so some of its conditions were not looked at."
        )


def test_somebody_else_s_good_analysis_says_nothing() -> None:
    with sonarqube(DONE | {"componentKey": "another"}, gate={"status": "OK"}) as server:
        reason = "The analysis is one of the project another, not of shop-api; correct the project's key."
        assert wait(server) == failed(reason)


def test_an_analysis_on_another_server_has_failed_though_it_names_a_task_that_is_known_here() -> None:
    state = SonarQubeState(processing_seconds=0)
    state.add_token("squ_secret")
    with serve(create_app(state)) as url:
        server = SonarQubeServer(url=url, token=SecretStr("squ_secret"))
        task = state.submit("shop-api", b"whatever").id
        elsewhere = SonarQubeAnalysis(task, "shop-api", server="https://sonar.evil.example")
        verdict = wait_for_quality_gate.fn(server, elsewhere)
        assert verdict == failed(
            f"The scanner reported to https://sonar.evil.example and not to {url}; remove sonar.host.url from the"
            " repository."
        )
        # A server may call itself by the address that people use.
        state.public_url = "https://sonar.acme.example/sonar/"
        here = SonarQubeAnalysis(task, "shop-api", server="https://SONAR.acme.example:443/sonar")
        assert "The report is not a zip file" in wait_for_quality_gate.fn(server, here).reason
