"""A release is asked by requests and by programs; only a clear yes counts."""

import os
import sys
import time
from collections.abc import Iterator

import pytest
from prefect.logging import disable_run_logger
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from deployments.sandbox.server import serve
from tasks.domain.delivery.post_deploy import CommandCheck, HttpCheck
from tasks.domain.errors import ConfigurationError
from tasks.domain.verdict import Verdict, failed, passed
from tasks.post_deploy import command as post_deploy_command
from tasks.post_deploy import http as post_deploy
from tasks.post_deploy.command import check_by_command, require_program
from tasks.post_deploy.http import check_http

COMMIT = "c" * 40
FACTS = {"application": "shop-api", "environment": "staging", "commit": COMMIT, "url": "https://shop.example/"}


@pytest.fixture(autouse=True)
def _without_a_run(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(post_deploy, "_PAUSE_SECONDS", 0.05)
    with disable_run_logger():
        yield


def ask(*statuses: int, within_seconds: int = 1) -> Verdict:
    """The check's verdict on a server that gives these answers, one after another and the last for ever."""
    left = list(statuses)

    def answer(_request: Request) -> Response:
        status = left.pop(0) if len(left) > 1 else left[0]
        return PlainTextResponse("hello", status, {"X-Commit": COMMIT})

    with serve(Starlette(routes=[Route("/", answer)])) as url:
        check = HttpCheck(url=url, contains="hello", commit_header="X-Commit", within_seconds=within_seconds)
        verdict = check_http.fn("ready", check, COMMIT)
        return Verdict(verdict.outcome, verdict.reason.replace(url, "URL"))


def test_an_answer_that_is_late_but_within_the_time_is_good() -> None:
    assert ask(503, 502, 200) == passed("ready: URL answered 200")


def test_an_answer_that_stays_wrong_fails() -> None:
    assert ask(503) == failed("ready: URL answered 503, expected 200")


def test_without_time_only_the_first_answer_counts() -> None:
    assert ask(503, 200, within_seconds=0) == failed("ready: URL answered 503, expected 200")


def run(*script: str, timeout_seconds: int = 20) -> Verdict:
    check = CommandCheck(command=(sys.executable, "-c", *script), timeout_seconds=timeout_seconds)
    verdict = check_by_command.fn("smoke", check, FACTS)
    return Verdict(verdict.outcome, verdict.reason.replace(sys.executable, "python"))


def test_a_command_passes_by_its_exit_code_alone() -> None:
    assert run("print('error')") == passed("smoke: `python` ended with exit code 0")
    assert run("print('two of three'); raise SystemExit(2)") == failed(
        "smoke: `python` ended with exit code 2: two of three"
    )


def test_a_command_is_told_what_it_asks_about() -> None:
    wanted = f"shop-api staging {COMMIT} https://shop.example/"
    script = "import sys; sys.exit(sys.argv[1])"
    verdict = run(script, "{application} {environment} {commit} {url}")
    assert verdict == failed(f"smoke: `python` ended with exit code 1: {wanted}")


def test_a_command_sees_nothing_of_our_settings_and_none_of_our_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_ARGOCD_TOKEN", "a very secret token")
    script = "import os, sys; sys.exit(f'{sorted(os.environ)} {os.listdir()}')"
    reason = run(script).reason
    assert "TIDEGATE" not in reason
    assert reason.endswith("[]")


def test_a_secret_that_a_command_prints_is_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_ARGOCD_TOKEN", "a very secret token")
    assert run("raise SystemExit('a very secret token')").reason.endswith("exit code 1: ***")


def test_a_command_that_does_not_end_is_ended_with_all_that_it_started() -> None:
    started = time.monotonic()
    script = "import subprocess, time; print(subprocess.Popen(['sleep', '600']).pid, flush=True); time.sleep(600)"
    assert run(script, timeout_seconds=1) == failed("smoke: `python` did not end within 1 s and was killed")
    assert time.monotonic() - started < 60


def test_a_program_that_is_not_there_is_told_before_anything_is_rolled_out() -> None:
    with pytest.raises(ConfigurationError, match="runs 'no-such-program', which is not there; install it"):
        require_program("smoke", CommandCheck(command=("no-such-program",)))
    require_program("smoke", CommandCheck(command=("env",)))
    assert post_deploy_command.find_program("env", os.defpath).endswith("/env")
