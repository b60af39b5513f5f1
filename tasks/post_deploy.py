"""Asks the rolled-out application itself whether it works."""

import time

import httpx
from prefect import task

from tasks.domain.delivery.rollout import HttpCheck
from tasks.domain.verdict import Verdict, failed, passed

_ATTEMPTS = 4
_PAUSE_SECONDS = 1.0


@task(task_run_name="check {name}")
def check_http(name: str, check: HttpCheck, commit: str) -> Verdict:
    """Whether the URL answers as configured; looks up to four times, a second apart, before it says no.

    Right after a rollout a load balancer may still send a request to a pod that is going away.
    """
    for _ in range(_ATTEMPTS - 1):
        verdict = _look(name, check, commit)
        if verdict.has_passed:
            return verdict
        time.sleep(_PAUSE_SECONDS)
    return _look(name, check, commit)


def _look(name: str, check: HttpCheck, commit: str) -> Verdict:
    try:
        response = httpx.get(check.url, timeout=check.timeout_seconds)
    except httpx.HTTPError as error:
        return failed(f"{name}: {check.url} does not answer ({type(error).__name__})")
    if response.status_code != check.status:
        return failed(f"{name}: {check.url} answered {response.status_code}, expected {check.status}")
    if check.contains is not None and check.contains not in response.text:
        return failed(f"{name}: the answer of {check.url} does not contain {check.contains!r}")
    if check.commit_header and (running := response.headers.get(check.commit_header)) != commit:
        return failed(f"{name}: {check.url} runs commit {running or 'unknown'}, expected {commit}")
    return passed(f"{name}: {check.url} answered {response.status_code}")
