"""The SonarQube stand-in computes and judges what its scanner uploads, and answers as SonarQube does."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from deployments.sandbox.server import serve
from deployments.sandbox.sonarqube import scanner
from deployments.sandbox.sonarqube.protocol import create_app
from deployments.sandbox.sonarqube.quality_gate import Condition
from deployments.sandbox.sonarqube.state import Right, SonarQubeState

CLEAN = 'def price() -> int:\n    """In cents."""\n    # Fixed for now.\n    return 100\n'
COVERAGE = (
    '<coverage><packages><package><classes><class filename="shop.py"><lines>'
    '<line number="1" hits="1"/><line number="4" hits="3"/><line number="5" hits="0"/>'
    "</lines></class></classes></package></packages></coverage>"
)


@pytest.fixture
def sonarqube() -> SonarQubeState:
    state = SonarQubeState(processing_seconds=0)
    state.add_token("scan-and-browse")
    state.add_token("scan-only", Right.EXECUTE_ANALYSIS)
    return state


@pytest.fixture
def url(sonarqube: SonarQubeState) -> Iterator[str]:
    with serve(create_app(sonarqube)) as base:
        yield base


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    for name, text in {"shop.py": CLEAN, ".hidden/bad.py": "def broken(:\n", "../private.py": "KEY = 1\n"}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    # What a link leads to outside of the project is not the project's to upload.
    (folder / "link.py").symlink_to(tmp_path / "private.py")
    return folder


def client(url: str, token: str = "scan-and-browse") -> httpx.Client:
    return httpx.Client(base_url=f"{url}/api", headers={"Authorization": f"Bearer {token}"}, timeout=20)


def scan(
    project: Path, url: str, *arguments: str, token: str = "scan-and-browse"
) -> "subprocess.CompletedProcess[str]":
    """Run the scanner as a check does: by its path, isolated from this installation, in a clean environment."""
    command = [sys.executable, "-I", scanner.__file__, "-Dsonar.projectKey=shop-api", *arguments]
    environment = {"SONAR_HOST_URL": url, "SONAR_TOKEN": token}
    return subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def report_task(project: Path) -> dict[str, str]:
    lines = (project / ".scannerwork/report-task.txt").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


def gate(url: str, project: Path, **changes: str) -> dict[str, Any]:
    """Scan and read the gate by the way that report-task.txt shows."""
    done = scan(project, url, *(f"-D{name.replace('_', '.')}={value}" for name, value in changes.items()))
    assert done.returncode == 0, done.stdout + done.stderr
    with client(url) as api:
        task = api.get(report_task(project)["ceTaskUrl"]).json()["task"]
        assert task["status"] == "SUCCESS", task
        answer = api.get("/qualitygates/project_status", params={"analysisId": task["analysisId"]})
    status: dict[str, Any] = answer.json()["projectStatus"]
    return status


def test_the_scanner_writes_where_its_analysis_is(url: str, project: Path) -> None:
    assert scan(project, url).returncode == 0
    written = report_task(project)
    assert list(written) == ["projectKey", "serverUrl", "serverVersion", "dashboardUrl", "ceTaskId", "ceTaskUrl"]
    assert written["ceTaskUrl"] == f"{url}/api/ce/task?id={written['ceTaskId']}"
    assert written["dashboardUrl"] == f"{url}/dashboard?id=shop-api"


def test_clean_sources_pass_and_are_measured(url: str, project: Path, sonarqube: SonarQubeState) -> None:
    (project / "coverage.xml").write_text(COVERAGE)
    assert gate(url, project, sonar_python_coverage_reportPaths="coverage.xml")["status"] == "OK"
    analysis = sonarqube.last_analysis("shop-api")
    assert analysis is not None
    assert {key: str(value) for key, value in analysis.values.items()} == {
        "files": "1",
        "ncloc": "3",
        "violations": "0",
        "bugs": "0",
        "vulnerabilities": "0",
        "code_smells": "0",
        "coverage": "66.7",
    }


def test_a_hard_coded_password_fails_the_gate_with_numbers_as_texts(url: str, project: Path) -> None:
    (project / "settings.py").write_text('DATABASE_PASSWORD = "hunter2"\n')
    status = gate(url, project)
    assert status["status"] == "ERROR"
    assert [condition for condition in status["conditions"] if condition["status"] == "ERROR"] == [
        {
            "status": "ERROR",
            "metricKey": "vulnerabilities",
            "comparator": "GT",
            "errorThreshold": "0",
            "actualValue": "1",
        }
    ]


def test_only_issues_that_were_not_there_before_are_new(url: str, project: Path) -> None:
    (project / "shop.py").write_text(CLEAN + "\n# TODO: raise it\n")
    assert gate(url, project)["status"] == "OK"
    (project / "shop.py").write_text("\n" + CLEAN + "\n# TODO: raise it\n")
    assert gate(url, project)["status"] == "OK"
    (project / "shop.py").write_text(CLEAN + "\n# TODO: raise it\n# TODO: and lower it\n")
    failed = [one["metricKey"] for one in gate(url, project)["conditions"] if one["status"] == "ERROR"]
    assert failed == ["new_violations"]


def test_a_condition_on_coverage_is_held_against_the_report(url: str, project: Path, sonarqube: SonarQubeState) -> None:
    (project / "coverage.xml").write_text(COVERAGE)
    sonarqube.conditions = (Condition("coverage", "LT", "66.7"),)
    assert gate(url, project, sonar_python_coverage_reportPaths="coverage.xml")["status"] == "OK"
    sonarqube.conditions = (Condition("coverage", "LT", "66.8"),)
    assert gate(url, project, sonar_python_coverage_reportPaths="coverage.xml")["status"] == "ERROR"
    sonarqube.conditions = ()
    assert gate(url, project)["status"] == "NONE"


def test_a_task_is_pending_then_in_progress_then_done(url: str, project: Path, sonarqube: SonarQubeState) -> None:
    sonarqube.processing_seconds = 3600
    assert scan(project, url).returncode == 0
    with client(url) as api:
        task_url = report_task(project)["ceTaskUrl"]
        task = sonarqube.task(report_task(project)["ceTaskId"])
        assert task is not None
        seen = []
        for hours in (0.4, 0.6, 1.1):
            task.submitted = time.time() - hours * 3600
            seen.append(api.get(task_url).json()["task"])
    assert [one["status"] for one in seen] == ["PENDING", "IN_PROGRESS", "SUCCESS"]
    assert ["analysisId" in one for one in seen] == [False, False, True]


def test_a_report_that_cannot_be_computed_fails_its_task(url: str, sonarqube: SonarQubeState) -> None:
    with client(url) as api:
        files = {"report": ("report.zip", b"not a zip file")}
        submitted = api.post("/ce/submit", params={"projectKey": "shop-api"}, files=files).json()
        task = api.get("/ce/task", params={"id": submitted["taskId"]}).json()["task"]
    assert (task["status"], task["errorMessage"]) == ("FAILED", "The report is not a zip file")
    assert "analysisId" not in task


def test_faults_are_switched_on_by_tests(url: str, project: Path, sonarqube: SonarQubeState) -> None:
    sonarqube.faults.gate_fails = True
    assert gate(url, project)["status"] == "ERROR"
    sonarqube.faults.gate_fails = False
    sonarqube.faults.next_answers.append(("/api/ce/submit", 503))
    assert scan(project, url).returncode == 1
    sonarqube.faults.next_task_fails = "Out of memory"
    assert scan(project, url).returncode == 0
    with client(url) as api:
        task = api.get(report_task(project)["ceTaskUrl"]).json()["task"]
    assert (task["status"], task["errorMessage"]) == ("FAILED", "Out of memory")


@pytest.mark.parametrize(
    ("token", "path", "status", "message"),
    [
        ("nobody's", "/ce/task?id=AY1", 401, "Authentication is required"),
        ("scan-only", "/qualitygates/project_status?projectKey=shop-api", 403, "Insufficient privileges"),
        ("scan-and-browse", "/ce/task?id=AY1", 404, "No activity found for task 'AY1'"),
        ("scan-and-browse", "/ce/task", 400, "The 'id' parameter is missing"),
        ("scan-and-browse", "/qualitygates/project_status?analysisId=A", 404, "Analysis with id 'A' is not found"),
        ("scan-and-browse", "/qualitygates/project_status?projectKey=none", 404, "Project 'none' not found"),
        (
            "scan-and-browse",
            "/qualitygates/project_status",
            400,
            "Either 'analysisId', 'projectId' or 'projectKey' must be provided",
        ),
    ],
)
def test_refusals_have_sonarqubes_form(url: str, token: str, path: str, status: int, message: str) -> None:
    with client(url, token) as api:
        refused = api.get(path)
    assert (refused.status_code, refused.json()) == (status, {"errors": [{"msg": message}]})


def test_a_token_is_taken_as_bearer_or_as_the_user_of_basic(url: str) -> None:
    valid = f"{url}/api/authentication/validate"
    assert httpx.get(valid, auth=("scan-and-browse", "")).json() == {"valid": True}
    assert httpx.get(valid, headers={"Authorization": "Bearer scan-and-browse"}).json() == {"valid": True}
    assert httpx.get(valid, auth=("nobody's", "")).json() == {"valid": False}
    assert httpx.get(f"{url}/api/system/status").json()["status"] == "UP"


@pytest.mark.parametrize(
    ("arguments", "token", "code", "said"),
    [
        (("-Dsonar.qualitygate.wait=true",), "scan-and-browse", 2, "does not know sonar.qualitygate.wait"),
        (("-Dsonar.sources=nothing",), "scan-and-browse", 2, "sonar.sources names nothing"),
        (("--help",), "scan-and-browse", 2, "unknown argument --help"),
        (("-Dsonar.projectKey=a b",), "scan-and-browse", 1, "Malformed key"),
        ((), "nobody's-secret", 1, "401"),
    ],
)
def test_the_scanner_says_why_it_stopped_and_leaves_no_report(
    url: str, project: Path, arguments: tuple[str, ...], token: str, code: int, said: str
) -> None:
    done = scan(project, url, *arguments, token=token)
    assert (done.returncode, said in done.stdout) == (code, True), done.stdout + done.stderr
    assert token not in done.stdout + done.stderr
    assert not (project / ".scannerwork").exists()
