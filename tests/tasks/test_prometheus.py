"""Metrics are asked of a real Prometheus that scrapes a small server of this test."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from prefect.logging import disable_run_logger
from pydantic import SecretStr, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from blocks.prometheus import PrometheusServer
from deployments.sandbox.server import serve
from tasks import prometheus
from tasks.domain.delivery.post_deploy import PrometheusCheck
from tasks.domain.errors import AccessRefused, ConfigurationError, Unreachable
from tasks.domain.verdict import Verdict
from tasks.prometheus import check_metric, try_query

pytestmark = pytest.mark.skipif(
    shutil.which("prometheus") is None, reason="needs Prometheus; install the package prometheus"
)
FACTS = {"application": "shop-api", "environment": "staging", "commit": "c" * 40, "digest": "", "url": ""}
CONFIGURATION = """
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: shop-api
    static_configs: [targets: ["{target}"]]
"""
LATENCY = 'histogram_quantile(0.95, sum by (le) (http_request_duration_seconds_bucket{job="{application}"}))'
ERROR_RATE = (
    'sum(http_requests_total{job="{application}", code=~"5.."}) / sum(http_requests_total{job="{application}"})'
)


@dataclass(slots=True)
class Shop:
    """What the scraped server says of itself."""

    failed: int = 0
    slow: int = 0

    def metrics(self, _request: Request) -> Response:
        return PlainTextResponse(
            f'http_requests_total{{code="200"}} 100\n'
            f'http_requests_total{{code="500"}} {self.failed}\n'
            f'http_request_duration_seconds_bucket{{le="0.1"}} {100 - self.slow}\n'
            f'http_request_duration_seconds_bucket{{le="1"}} 100\n'
            f'http_request_duration_seconds_bucket{{le="+Inf"}} 100\n'
            f"broken_ratio NaN\n"
        )


@dataclass(frozen=True, slots=True)
class Watched:
    """A shop and the Prometheus that watches it."""

    shop: Shop
    server: PrometheusServer

    def wait_for(self, query: str) -> None:
        """Until the query answers something that is not false."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            answer = httpx.get(f"{self.server.url}/api/v1/query", params={"query": query}).json()
            if answer["data"]["result"]:
                return
            time.sleep(0.2)
        raise AssertionError(f"Prometheus never answered {query}")


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    root, shop = tmp_path_factory.mktemp("prometheus"), Shop()
    with serve(Starlette(routes=[Route("/metrics", shop.metrics)])) as target:
        (root / "prometheus.yml").write_text(CONFIGURATION.format(target=target.removeprefix("http://")))
        address = _free_address()
        process = subprocess.Popen(_command(root, address), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _wait_until_ready(address, process)
            yield Watched(shop, PrometheusServer(url=f"http://{address}"))
        finally:
            process.terminate()
            process.wait(20)


def _free_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"127.0.0.1:{listener.getsockname()[1]}"


def _command(root: Path, address: str) -> list[str]:
    return [
        "prometheus",
        f"--config.file={root}/prometheus.yml",
        f"--storage.tsdb.path={root}/data",
        f"--web.listen-address={address}",
        "--log.level=error",
    ]


def _wait_until_ready(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, "Prometheus ended"
        try:
            if httpx.get(f"http://{address}/-/ready").is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError("Prometheus never became ready")


@pytest.fixture(autouse=True)
def _without_a_run(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(prometheus, "_PAUSE_SECONDS", 0.01)
    with disable_run_logger():
        yield


def ask(server: PrometheusServer, query: str, **settings: Any) -> Verdict:
    check = PrometheusCheck.model_validate({"query": query, "for_seconds": 0} | settings)
    return check_metric.fn("metric", server, check, FACTS)


def test_the_examples_of_the_configuration_are_answered(watched: Watched) -> None:
    watched.shop.failed, watched.shop.slow = 0, 0
    watched.wait_for('http_requests_total{code="500"} == 0')
    watched.wait_for('http_request_duration_seconds_bucket{le="0.1"} == 100')
    assert ask(watched.server, ERROR_RATE, at_most=0.01).reason == "metric: 0 is at most 0.01, in 1 of 1 look"
    assert ask(watched.server, LATENCY, at_most=0.3).has_passed
    watched.shop.failed, watched.shop.slow = 100, 50
    watched.wait_for('http_requests_total{code="500"} == 100')
    watched.wait_for('http_request_duration_seconds_bucket{le="0.1"} == 50')
    assert ask(watched.server, ERROR_RATE, at_most=0.01).reason == "metric: 0.5 is more than 0.01, in 1 of 1 look"
    assert ask(watched.server, LATENCY, at_most=0.3).has_failed


def test_a_metric_is_watched_over_its_window(watched: Watched) -> None:
    watched.wait_for("up == 1")
    verdict = ask(watched.server, "sum(up)", at_least=1, for_seconds=2, every_seconds=1)
    assert verdict.reason == "metric: 1 is at least 1, in 3 of 3 looks"


def test_a_threshold_that_breaks_within_the_window_ends_it_early(watched: Watched) -> None:
    started = time.monotonic()
    assert ask(watched.server, "vector(1)", at_most=0.5, for_seconds=600, every_seconds=300).has_failed
    assert time.monotonic() - started < 300


@pytest.mark.parametrize("query", ["no_such_metric", "broken_ratio"])
def test_what_has_no_value_is_a_no(watched: Watched, query: str) -> None:
    watched.wait_for("broken_ratio")
    assert ask(watched.server, query, at_most=1).has_failed
    assert ask(watched.server, query, at_most=1, empty_is="passed").has_passed


@pytest.mark.parametrize(
    ("query", "sentence"),
    [("sum(", "does not take the query of 'metric': .*parse error.*; correct it"), ("up[5m]", "answers a matrix")],
)
def test_a_query_that_is_wrong_is_told_before_anything_is_rolled_out(
    watched: Watched, query: str, sentence: str
) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        try_query.fn("metric", watched.server, PrometheusCheck(query=query, at_most=1), FACTS)


def test_a_prometheus_that_does_not_answer_is_no_yes() -> None:
    server = PrometheusServer(url=f"http://{_free_address()}")
    assert ask(server, "up", at_least=0, empty_is="passed").has_failed
    with pytest.raises(Unreachable, match="does not answer"):
        try_query.fn("metric", server, PrometheusCheck(query="up", at_most=1), FACTS)


def test_a_server_error_that_passes_is_put_up_with() -> None:
    left = [503, 200]

    def answer(_request: Request) -> Response:
        return JSONResponse({"data": {"resultType": "scalar", "result": [0, "1"]}}, left.pop(0))

    with serve(Starlette(routes=[Route("/api/v1/query", answer, methods=["POST"])])) as url:
        assert ask(PrometheusServer(url=url), "1", at_least=1).has_passed


def test_credentials_are_sent_and_a_refusal_is_told() -> None:
    seen = []

    def answer(request: Request) -> Response:
        seen.append(request.headers["Authorization"])
        return Response(status_code=401)

    check = PrometheusCheck(query="up", at_most=1)
    with serve(Starlette(routes=[Route("/api/v1/query", answer, methods=["POST"])])) as url:
        for login in ({"token": SecretStr("a token")}, {"username": "ada", "password": SecretStr("her password")}):
            with pytest.raises(AccessRefused, match="refuses the query \\(401\\); correct the block's credentials"):
                try_query.fn("metric", PrometheusServer(url=url, **login), check, FACTS)
    assert seen == ["Bearer a token", "Basic YWRhOmhlciBwYXNzd29yZA=="]


def test_a_block_has_one_login() -> None:
    with pytest.raises(ValidationError, match="either a token or a user name"):
        PrometheusServer(url="http://here", token=SecretStr("t"), username="ada", password=SecretStr("p"))
    with pytest.raises(ValidationError, match="go together"):
        PrometheusServer(url="http://here", username="ada")
