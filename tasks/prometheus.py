"""Looks at a metric in Prometheus for as long as a check says; whether it is good is decided in tasks.domain.

https://prometheus.io/docs/prometheus/latest/querying/api/
"""

import time

import httpx
from prefect import task
from prefect.cache_policies import NO_CACHE

from blocks.prometheus import PrometheusServer
from tasks.domain.delivery.post_deploy import PrometheusCheck, fill
from tasks.domain.errors import AccessRefused, ConfigurationError, Unreachable
from tasks.domain.post_deploy.answer import read_answer, read_error
from tasks.domain.post_deploy.metric import Look, decide_metric
from tasks.domain.verdict import Outcome, Verdict
from tasks.retry import outside_task
from tasks.run_log import run_logger

# One lost packet is no fact about a release.
_TRIES = 3
_PAUSE_SECONDS = 1.0


@outside_task("try the query of {name}")
def try_query(name: str, server: PrometheusServer, check: PrometheusCheck, facts: dict[str, str]) -> None:
    """Ask once, whatever the answer: raises ConfigurationError for a query that Prometheus does not take.

    Raises AccessRefused and Unreachable too, so that nothing is rolled out that could not be checked afterwards.
    """
    with server.get_client() as client:
        _ask(client, server.url, name, check, facts)


@task(task_run_name="check {name}", cache_policy=NO_CACHE)
def check_metric(name: str, server: PrometheusServer, check: PrometheusCheck, facts: dict[str, str]) -> Verdict:
    """Look until the verdict is known, at the latest at the end of the window; a look without an answer is a bad one.

    Raises ConfigurationError and AccessRefused as `try_query` does.
    """
    log, said = run_logger(), ""
    looks: tuple[Look, ...] = ()
    started = time.monotonic()
    with server.get_client() as client:
        while True:
            looks += (_look(client, server.url, name, check, facts),)
            verdict = decide_metric(name, check, looks)
            if verdict.reason != said:
                said = verdict.reason
                log.info("%s", said)
            if verdict.outcome is not Outcome.PENDING:
                return verdict
            time.sleep(max(0.0, started + len(looks) * check.every_seconds - time.monotonic()))


def _look(client: httpx.Client, url: str, name: str, check: PrometheusCheck, facts: dict[str, str]) -> Look:
    problem = ""
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(_PAUSE_SECONDS)
        try:
            return _ask(client, url, name, check, facts)
        except Unreachable as error:
            problem = str(error)
    return Look(problem=problem)


def _ask(client: httpx.Client, url: str, name: str, check: PrometheusCheck, facts: dict[str, str]) -> Look:
    form = {"query": fill(check.query, facts), "timeout": f"{check.timeout_seconds}s"}
    try:
        # In the body, because a query may be longer than an address may be.
        response = client.post("/query", data=form, timeout=check.timeout_seconds + 5)
    except httpx.TransportError as error:
        raise Unreachable(f"Prometheus at {url} does not answer ({type(error).__name__})") from error
    status = response.status_code
    try:
        body = response.json()
    except ValueError:
        body = None
    if status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        raise AccessRefused(f"Prometheus at {url} refuses the query ({status}); correct the block's credentials")
    if response.is_server_error or status == httpx.codes.TOO_MANY_REQUESTS:
        raise Unreachable(f"Prometheus at {url} answered {status}: {read_error(body, status)}")
    if not response.is_success:
        raise ConfigurationError(
            f"Prometheus at {url} does not take the query of {name!r}: {read_error(body, status)}; correct it"
        )
    try:
        return read_answer(body)
    except ConfigurationError as error:
        raise ConfigurationError(f"Prometheus at {url}, asked for {name!r}: {error}") from error
