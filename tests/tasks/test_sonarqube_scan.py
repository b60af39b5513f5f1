"""A commit is scanned by the scanner that is there, once, and what was analysed before is adopted."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.logging import disable_run_logger
from pydantic import SecretStr

from blocks.sonarqube import SonarQubeServer
from deployments.sandbox.server import serve
from deployments.sandbox.sonarqube import scanner
from deployments.sandbox.sonarqube.protocol import create_app
from deployments.sandbox.sonarqube.state import Right, SonarQubeState
from tasks.checks.run import run_check
from tasks.checks.scanner import find_scanner
from tasks.domain.gates.check import Check, Reports
from tasks.domain.gates.checks import CheckOutcome
from tasks.domain.gates.scan import REPORT_TASK, Scanned, SonarQubeScan, scan_command
from tasks.sonarqube.adoption import find_passed_analysis
from tasks.sonarqube.gate import Patience, wait_for_quality_gate

COMMIT, OTHER = "1a2b3c4d" * 5, "9f8e7d6c" * 5
QUICK = Patience(limit=30.0, first_pause=0.01, longest_pause=0.05)
SANDBOX_SCANNER = (sys.executable, "-I", scanner.__file__)
SAYS_ITS_ARGUMENTS = '#!/bin/sh\necho "$@"\nexec {python} {scanner} "$@"\n'


@pytest.fixture(autouse=True)
def _without_a_run() -> Iterator[None]:
    with disable_run_logger():
        yield


@pytest.fixture
def state() -> SonarQubeState:
    known = SonarQubeState(processing_seconds=0)
    known.add_token("squ_a_secret_token")
    return known


@pytest.fixture
def server(state: SonarQubeState) -> Iterator[SonarQubeServer]:
    with serve(create_app(state)) as url:
        state.public_url = url
        yield SonarQubeServer(url=url, token=SecretStr("squ_a_secret_token"))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    folder.mkdir()
    (folder / "shop.py").write_text("PRICE = 100\n")
    return folder


def scan(
    server: SonarQubeServer,
    tree: Path,
    program: tuple[str, ...] = SANDBOX_SCANNER,
    commit: str = COMMIT,
    pull_request: int | None = None,
) -> CheckOutcome:
    wanted = SonarQubeScan(project="shop-api", pull_requests=True)
    command = scan_command(wanted, program, Scanned(commit, pull_request, "topic", "main"), server.url)
    check = Check(command=command, reports=Reports(sonarqube=REPORT_TASK))
    outcome = run_check.fn("scan", check, tree, sonarqube=server)
    assert outcome.analysis is not None, outcome
    return outcome


def analyse(server: SonarQubeServer, tree: Path, commit: str = COMMIT, pull_request: int | None = None) -> str:
    """Scan and wait; says what the gate said."""
    outcome = scan(server, tree, commit=commit, pull_request=pull_request)
    assert outcome.analysis is not None
    return wait_for_quality_gate.fn(server, outcome.analysis, patience=QUICK).reason


def test_pysonar_itself_fetches_jre_and_engine_from_the_server_and_scans(
    state: SonarQubeState, server: SonarQubeServer, tree: Path
) -> None:
    pytest.importorskip("pysonar_scanner", reason="pysonar is not installed; pip install pysonar")
    # What a commit says of the server counts less than the command line.
    (tree / "sonar-project.properties").write_text("sonar.host.url=http://127.0.0.1:9\nsonar.projectKey=another\n")
    outcome = scan(server, tree, ("pysonar",))
    assert outcome.analysis is not None
    verdict = wait_for_quality_gate.fn(server, outcome.analysis, patience=QUICK)
    assert verdict.has_passed, verdict
    (analysis,) = state.main_analyses("shop-api")
    assert (analysis.metadata.revision, analysis.values["ncloc"]) == (COMMIT, 1)


def test_a_scanner_on_the_path_gets_the_token_but_not_as_an_argument(
    server: SonarQubeServer, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "sonar-scanner"
    program.parent.mkdir()
    program.write_text(SAYS_ITS_ARGUMENTS.format(python=sys.executable, scanner=scanner.__file__))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    assert find_scanner() == "sonar-scanner"
    outcome = scan(server, tree, ("sonar-scanner",))
    assert "-Dsonar.projectKey=shop-api" in outcome.tail[0]
    assert "squ_" not in "".join(outcome.tail)


def test_without_sonar_scanner_the_worker_takes_pysonar(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("pysonar_scanner", reason="pysonar is not installed; pip install pysonar")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_scanner() == "pysonar"


def test_what_passed_is_adopted_and_of_another_commit_it_is_not(
    state: SonarQubeState, server: SonarQubeServer, tree: Path
) -> None:
    assert find_passed_analysis.fn(server, "shop-api", COMMIT) is None
    reason = analyse(server, tree)
    assert find_passed_analysis.fn(server, "shop-api", OTHER) is None
    adopted = find_passed_analysis.fn(server, "shop-api", COMMIT)
    assert adopted is not None
    assert (adopted.analysis, adopted.verdict.reason) == (state.main_analyses("shop-api")[0].id, reason)


def test_what_failed_is_scanned_again(state: SonarQubeState, server: SonarQubeServer, tree: Path) -> None:
    state.faults.gate_fails = True
    assert "failed" in analyse(server, tree)
    assert find_passed_analysis.fn(server, "shop-api", COMMIT) is None


def test_what_a_killed_run_has_uploaded_is_waited_for(
    state: SonarQubeState, server: SonarQubeServer, tree: Path
) -> None:
    state.processing_seconds = 0.2
    scan(server, tree)
    adopted = find_passed_analysis.fn(server, "shop-api", COMMIT, patience=QUICK)
    assert adopted is not None
    assert adopted.verdict.has_passed


def test_an_analysis_of_a_pull_request_is_none_of_the_mainline(
    state: SonarQubeState, server: SonarQubeServer, tree: Path
) -> None:
    assert "passed" in analyse(server, tree, pull_request=7)
    assert [one.pull_request for one in state.analyses.values()] == ["7"]
    assert find_passed_analysis.fn(server, "shop-api", COMMIT) is None


def test_where_sonarqube_does_not_say_nothing_is_adopted(
    state: SonarQubeState, server: SonarQubeServer, tree: Path
) -> None:
    analyse(server, tree)
    state.faults.next_answers.append(("/api/project_analyses", 503))
    assert find_passed_analysis.fn(server, "shop-api", COMMIT) is None
    state.add_token("squ_only_scans", Right.EXECUTE_ANALYSIS)
    narrow = SonarQubeServer(url=server.url, token=SecretStr("squ_only_scans"))
    assert find_passed_analysis.fn(narrow, "shop-api", COMMIT) is None
