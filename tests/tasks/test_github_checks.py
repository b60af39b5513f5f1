"""With an App: a check run a gate, annotations in fifties, nothing twice, and no evidence but our own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.logging import disable_run_logger
from pydantic import SecretStr

from blocks.github import WORK, GitHub
from deployments.sandbox.github.faults import NextAnswer
from deployments.sandbox.github.own_app import OwnApp, install_own_app
from deployments.sandbox.github.protocol import create_app
from deployments.sandbox.github.records import CheckRun
from deployments.sandbox.github.state import GitHubState
from deployments.sandbox.server import serve
from tasks.domain.feedback.check import CheckReport, aggregate_report, gate_report
from tasks.domain.feedback.origin import Origin
from tasks.domain.gates.finding import Finding, Severity
from tasks.domain.gates.gate import GateResult
from tasks.domain.verdict import failed, passed, pending
from tasks.github.checks import read_external_ids, read_statuses, report_checks

REPOSITORY, RUN = "acme/shop-api", "http://127.0.0.1/runs/1"
ORIGIN = Origin("shop-api", 7, "11111111-1111-1111-1111-111111111111")


@pytest.fixture(autouse=True)
def _without_a_run() -> Iterator[None]:
    with disable_run_logger():
        yield


@pytest.fixture
def state(tmp_path: Path) -> GitHubState:
    state = GitHubState(tmp_path / "github")
    state.create_repository(REPOSITORY)
    return state


@pytest.fixture
def url(state: GitHubState) -> Iterator[str]:
    with serve(create_app(state)) as url:
        yield url


def block(url: str, own: OwnApp) -> GitHub:
    key = SecretStr(own.private_key)
    return GitHub(api_url=f"{url}/api/v3", web_url=url, app_id=own.app.client_id, private_key=key)


@pytest.fixture
def github(state: GitHubState, url: str) -> GitHub:
    return block(url, install_own_app(state, "tidegate", [REPOSITORY], WORK))


@pytest.fixture
def sha(state: GitHubState) -> str:
    return state.commit(REPOSITORY, "main", {"a": "b"}, "One", author_name="Ada", author_email="ada@example.org")


def report(github: GitHub, sha: str, *reports: CheckReport, origin: Origin = ORIGIN) -> None:
    report_checks.fn(github, REPOSITORY, sha, reports, origin, RUN)


def runs(state: GitHubState) -> list[CheckRun]:
    return state.repositories[REPOSITORY].check_runs


def findings(count: int) -> tuple[Finding, ...]:
    return tuple(
        Finding("ruff", "S101", Severity.HIGH, f"Number {number}", file="shop/prices.py", line=number)
        for number in range(1, count + 1)
    )


def test_a_check_run_says_what_its_gate_says_and_where_it_comes_from(
    state: GitHubState, github: GitHub, sha: str
) -> None:
    lint, tests = GateResult("lint", passed("Fine.")), GateResult("unit-tests", failed("1 of 3 tests failed."))
    verdict = failed("1 of 2 gates failed: unit-tests.")
    report(github, sha, gate_report(lint), gate_report(tests), aggregate_report(verdict, (lint, tests)))
    first, second, aggregate = runs(state)
    assert (first.name, first.status, first.conclusion, first.title) == (
        "tidegate/lint", "completed", "success", "Fine."
    )  # fmt: skip
    assert (second.conclusion, second.external_id, second.details_url) == ("failure", str(ORIGIN), RUN)
    assert (aggregate.name, aggregate.conclusion) == ("tidegate", "failure")
    assert "| unit-tests | ✗ failed | 1 of 3 tests failed. |" in (aggregate.summary or "")
    assert [action["identifier"] for action in aggregate.actions] == ["retest"]
    assert read_statuses.fn(github, REPOSITORY, sha) == {
        "tidegate/lint": passed("Fine."),
        "tidegate/unit-tests": failed("1 of 3 tests failed."),
        "tidegate": verdict,
    }


def test_300_annotations_go_out_in_fifties_and_arrive_in_order(state: GitHubState, github: GitHub, sha: str) -> None:
    report(github, sha, gate_report(GateResult("findings", failed("300 new findings."), findings(300))))
    [run] = runs(state)
    assert [one["start_line"] for one in run.annotations] == list(range(1, 301))
    assert {one["annotation_level"] for one in run.annotations} == {"failure"}
    assert "and 250 more" in (run.summary or "")


def test_a_report_that_broke_off_is_completed_and_one_that_was_made_is_left_alone(
    state: GitHubState, github: GitHub, sha: str
) -> None:
    gate = gate_report(GateResult("findings", failed("120 new findings."), findings(120)))
    report(github, sha, aggregate_report(pending("The gates are being checked.")))
    path = f"/api/v3/repos/{REPOSITORY}/check-runs/"
    state.faults.next_answers.append(NextAnswer(path, 502, "PATCH"))
    with pytest.raises(Exception, match="502"):
        report(github, sha, gate)
    assert [len(run.annotations) for run in runs(state)] == [0, 50]
    for _ in range(2):
        report(github, sha, gate)
    assert [len(run.annotations) for run in runs(state)] == [0, 120]
    assert [one["start_line"] for one in runs(state)[1].annotations] == list(range(1, 121))


def test_a_run_goes_on_from_pending_to_its_end_and_another_run_begins_anew(
    state: GitHubState, github: GitHub, sha: str
) -> None:
    report(github, sha, aggregate_report(pending("The gates are being checked.")))
    assert [(run.status, run.conclusion) for run in runs(state)] == [("in_progress", None)]
    assert read_statuses.fn(github, REPOSITORY, sha) == {"tidegate": pending("The gates are being checked.")}
    report(github, sha, aggregate_report(passed("All 7 gates passed.")))
    assert [(run.status, run.conclusion) for run in runs(state)] == [("completed", "success")]
    again = Origin("shop-api", 7, "22222222-2222-2222-2222-222222222222")
    report(github, sha, aggregate_report(pending("The gates are being checked.")), origin=again)
    assert len(runs(state)) == 2
    assert read_statuses.fn(github, REPOSITORY, sha) == {"tidegate": pending("The gates are being checked.")}
    assert read_external_ids.fn(github, REPOSITORY, sha, "tidegate") == (str(again), str(ORIGIN))


@pytest.mark.parametrize("conclusion", ["neutral", "skipped", "cancelled", "timed_out"])
def test_what_is_not_known_to_be_good_is_not(github: GitHub, sha: str, conclusion: str) -> None:
    report(github, sha, aggregate_report(passed("All 7 gates passed."), conclusion=conclusion))
    assert read_statuses.fn(github, REPOSITORY, sha)["tidegate"].has_failed


def test_another_apps_check_and_a_status_of_the_same_name_are_no_evidence(
    state: GitHubState, github: GitHub, url: str, sha: str
) -> None:
    other = block(url, install_own_app(state, "other", [REPOSITORY], {**WORK, "statuses": "write"}))
    report(other, sha, aggregate_report(passed("All 7 gates passed.")))
    with other.get_client(REPOSITORY, {"statuses": "write"}) as client:
        body = {"state": "success", "context": "tidegate"}
        client.post(f"/repos/{REPOSITORY}/statuses/{sha}", json=body).raise_for_status()
    assert read_statuses.fn(github, REPOSITORY, sha) == {}


def test_a_token_that_expires_between_annotations_doubles_nothing(state: GitHubState, github: GitHub, sha: str) -> None:
    report(github, sha, aggregate_report(pending("The gates are being checked.")))
    state.expire_app_tokens()
    report(github, sha, gate_report(GateResult("findings", failed("120 new findings."), findings(120))))
    assert [len(run.annotations) for run in runs(state)] == [0, 120]
    assert len(state.app_tokens()) == 2
