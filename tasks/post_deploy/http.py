"""Asks the rolled-out application itself whether it works, by a request; tasks.post_deploy.command by a program."""

import time

import httpx
from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.domain.delivery.post_deploy import HttpCheck
from tasks.domain.verdict import Verdict, failed, passed

_PAUSE_SECONDS = 1.0


@task(task_run_name="check {name}", cache_policy=NO_CACHE)
def check_http(name: str, check: HttpCheck, commit: str) -> Verdict:
    """Whether the URL answers as configured; looks every second for `within_seconds` before it says no."""
    deadline = time.monotonic() + check.within_seconds
    while True:
        verdict = _look(name, check, commit)
        if verdict.has_passed or time.monotonic() + _PAUSE_SECONDS > deadline:
            return verdict
        time.sleep(_PAUSE_SECONDS)


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
