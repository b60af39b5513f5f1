"""SonarQube's webhook over real HTTP: signed news reach the run that waits, all else is answered with the reason."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.logging import disable_run_logger
from prefect.states import Running
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from blocks.sonarqube import SonarQubeServer
from deployments.sandbox.server import serve
from deployments.sandbox.sonarqube.protocol import create_app as sonarqube_app
from deployments.sandbox.sonarqube.state import SonarQubeState
from deployments.sandbox.sonarqube.webhooks import Webhook, sign
from deployments.webhook import create_app
from deployments.webhook.analysed import CURRENT, PREVIOUS, sonarqube_webhook
from tasks.domain.delivery.model import Delivery
from tasks.domain.errors import ConfigurationError
from tasks.domain.event.asked import StartIntegrate
from tasks.domain.reports.sonarqube import SonarQubeAnalysis
from tasks.domain.verdict import Verdict, failed
from tasks.sonarqube.gate import Patience, wait_for_quality_gate
from tasks.sonarqube.told import key_of

SECRET, OLD = "the secret of SonarQube", "the secret of last year"
DELIVERY = Delivery.model_validate(
    {
        "version": 1,
        "applications": {
            "shop": {
                "repository": "acme/shop",
                "image": "acme/shop",
                "checks": {"scan": {"sonarqube": {"project": "acme_shop"}}},
            }
        },
        "environments": {"staging": {"argocd": {"application": "x"}, "manifest": {"file": "{application}.yaml"}}},
    }
)


@flow(name="stand-in-for-scans")
def stand_in(application: str, commit: str) -> None:
    """Takes what integrate takes; under a name of its own, so that no other test's worker runs it."""


@pytest.fixture(autouse=True)
def _without_a_run() -> Iterator[None]:
    with disable_run_logger():
        yield


@pytest.fixture(scope="module")
def receiver(prefect_server: str) -> Iterator[str]:
    with get_client(sync_client=True) as client:
        client.create_deployment(client.create_flow(stand_in), "integrate")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("deployments.integrations.DEPLOYMENTS", {StartIntegrate: "stand-in-for-scans/integrate"})
        patch.setenv(CURRENT, SECRET)
        patch.setenv(PREVIOUS, OLD)
        with serve(create_app(DELIVERY, (b"the secret of GitHub",))) as url:
            yield url


def new_commit() -> str:
    return (uuid.uuid4().hex + uuid.uuid4().hex)[:40]


def a_run_at_work_on(commit: str) -> uuid.UUID:
    with get_client(sync_client=True) as client:
        run = client.create_flow_run(stand_in, parameters={"application": "shop", "commit": commit}, state=Running())
    return run.id


def told(commit: str, task: str = "AY1", **changes: Any) -> bytes:
    body = {"taskId": task, "status": "SUCCESS", "revision": commit, "project": {"key": "acme_shop"}, "properties": {}}
    return json.dumps(body | changes).encode()


def deliver(url: str, body: bytes, signature: str | None = "") -> httpx.Response:
    given = sign(body, SECRET) if signature == "" else signature
    signed = {"X-Sonar-Webhook-HMAC-SHA256": given.encode("latin-1")} if given else {}
    headers = {"Content-Type": b"application/json"} | signed
    return httpx.post(f"{url}/webhook/sonarqube", content=body, headers=headers, timeout=30)


def wait(server: SonarQubeServer, run: uuid.UUID, *, task: str = "AY1", first_pause: float = 60.0) -> Verdict:
    """With pauses of a minute, at the end of which patience is too."""
    patience = Patience(limit=100.0, first_pause=first_pause, longest_pause=90.0)
    return wait_for_quality_gate.fn(server, SonarQubeAnalysis(task, "acme_shop"), patience=patience, run=run)


def test_signed_news_reach_every_run_that_is_at_work_on_the_commit(receiver: str) -> None:
    commit = new_commit()
    runs = {str(a_run_at_work_on(commit)) for _ in range(2)}
    a_run_at_work_on(new_commit())
    answer = deliver(receiver, told(commit))
    assert (answer.status_code, answer.json()["result"]) == (202, "told")
    assert {run["id"] for run in answer.json()["flow_runs"]} == runs


def test_news_that_come_twice_are_told_once(receiver: str) -> None:
    commit = new_commit()
    a_run_at_work_on(commit)
    answers = [deliver(receiver, told(commit)) for _ in range(2)]
    assert [(one.status_code, one.json()["result"]) for one in answers] == [(202, "told"), (200, "duplicate")]


def test_while_the_secret_is_changed_both_may_sign(receiver: str) -> None:
    body = told(new_commit())
    assert deliver(receiver, body, sign(body, OLD)).json()["message"] == "no run waits for this commit"


@pytest.mark.parametrize(
    "signature", [None, "sha256=" + "0" * 64, "0" * 64, "é", sign(told("a" * 40), "another secret of 16")]
)
def test_what_is_not_signed_tells_nobody(receiver: str, signature: str | None) -> None:
    commit = new_commit()
    run = a_run_at_work_on(commit)
    assert deliver(receiver, told(commit), signature).status_code == 401
    with get_client(sync_client=True) as client, pytest.raises(httpx.HTTPStatusError, match="404"):
        client.read_flow_run_input(run, key_of("AY1"))


def test_a_signature_fits_no_other_body(receiver: str) -> None:
    body = told(new_commit())
    assert deliver(receiver, body + b" ", sign(body, SECRET)).status_code == 401


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"project": {"key": "another"}}, "no application is analysed as this project"),
        ({"taskId": None}, "a person changed an issue, for which nothing waits"),
        ({"revision": None}, "it names no commit; whoever waits for it will ask"),
        ({}, "no run waits for this commit"),
    ],
)
def test_what_nobody_waits_for_is_ignored_with_the_reason(receiver: str, changes: dict[str, Any], message: str) -> None:
    answer = deliver(receiver, told(new_commit(), **changes))
    assert (answer.status_code, answer.json()) == (200, {"result": "ignored", "message": message, "flow_runs": []})


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"taskId": "../x", "project": {"key": "acme_shop"}}'])
def test_a_body_that_is_not_sonarqube_s_is_refused(receiver: str, body: bytes) -> None:
    assert deliver(receiver, body).status_code == 400


def test_a_body_that_is_too_large_is_refused(receiver: str) -> None:
    assert deliver(receiver, b" " * (1024 * 1024 + 1)).status_code == 413


def test_without_a_secret_there_is_no_such_address_and_a_short_one_is_a_mistake() -> None:
    assert sonarqube_webhook({}, DELIVERY, None) is None  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="less than 16 characters"):
        sonarqube_webhook({CURRENT: "short"}, DELIVERY, None)  # type: ignore[arg-type]


@pytest.fixture
def slow_sonarqube() -> Iterator[SonarQubeServer]:
    """Still calls the task unfinished when it has sent its webhook, and once more when it is asked thereupon."""
    statuses = [{"status": "IN_PROGRESS"}, {"status": "IN_PROGRESS"}, {"status": "SUCCESS", "analysisId": "AN1"}]

    def task(_: Request) -> JSONResponse:
        return JSONResponse({"task": statuses.pop(0)})

    def gate(_: Request) -> JSONResponse:
        return JSONResponse({"projectStatus": {"status": "OK"}})

    routes = [Route("/api/ce/task", task), Route("/api/qualitygates/project_status", gate)]
    with serve(Starlette(routes=routes)) as url:
        yield SonarQubeServer(url=url, token=SecretStr("squ_secret"))


def test_a_run_that_was_told_asks_at_once(receiver: str, slow_sonarqube: SonarQubeServer) -> None:
    commit = new_commit()
    run = a_run_at_work_on(commit)
    # Before it begins to wait: nothing is lost.
    assert deliver(receiver, told(commit)).status_code == 202
    assert wait(slow_sonarqube, run).has_passed


def test_the_gate_is_sonarqube_s_whatever_the_webhook_claims(receiver: str, tmp_path: Path) -> None:
    """And without a webhook the run asks by itself."""
    state = SonarQubeState(processing_seconds=0.1)
    state.add_token("squ_secret")
    commit = new_commit()
    run = a_run_at_work_on(commit)
    with serve(sonarqube_app(state)) as url:
        server = SonarQubeServer(url=url, token=SecretStr("squ_secret"))
        for copies in (1, 0):
            state.faults.webhook_copies = copies
            state.webhooks = [Webhook(f"{receiver}/webhook/sonarqube", SECRET)]
            task = state.submit("acme_shop", b"no report").id
            deliver(receiver, told(commit, task, qualityGate={"status": "OK"}))
            verdict = wait(server, run, task=task, first_pause=0.1)
            reason = "SonarQube could not compute the analysis (FAILED): The report is not a zip file"
            assert verdict == failed(reason)
    assert [delivery.status for delivery in state.deliveries] == [200]
    assert json.loads(state.deliveries[0].answer)["message"] == "it names no commit; whoever waits for it will ask"
