"""A check that is a scan: the scanner's command says where it goes, and its report is read with care."""

from typing import Any

import pytest
from pydantic import ValidationError

from tasks.domain.delivery.text import parse_delivery
from tasks.domain.errors import ConfigurationError, InvalidReport
from tasks.domain.event.analysed import Analysed, News, decide_analysed
from tasks.domain.event.asked import Ignore
from tasks.domain.gates.scan import Scanned, SonarQubeScan, choose_scanner, scan_command
from tasks.domain.gates.sonarqube import find_revision, queued_tasks
from tasks.domain.reports.sonarqube import SonarQubeAnalysis, is_of_server, parse_report_task

COMMIT = "1a2b3c4d" * 5
SERVER = "https://sonar.acme.example"
LINES = ["projectKey=shop", "serverUrl=http://s", "ceTaskId=AY-1_2", "ceTaskUrl=http://s/api/ce/task?id=AY-1_2"]


def scan(**settings: Any) -> SonarQubeScan:
    return SonarQubeScan.model_validate({"project": "acme_shop"} | settings)


def test_the_command_names_server_project_and_commit_and_never_a_token() -> None:
    wanted = scan(properties={"sonar.sources": "shop_api"})
    assert scan_command(wanted, ("pysonar",), Scanned(COMMIT, 7, "topic", "main"), SERVER) == (
        "pysonar",
        "-Dsonar.sources=shop_api",
        "-Dsonar.projectKey=acme_shop",
        f"-Dsonar.host.url={SERVER}",
        f"-Dsonar.scanner.apiBaseUrl={SERVER}/api/v2",
        f"-Dsonar.scm.revision={COMMIT}",
        "-Dsonar.working.directory=.scannerwork",
        "-Dsonar.qualitygate.wait=false",
    )


def test_a_pull_request_is_named_where_the_edition_knows_them() -> None:
    command = scan_command(scan(pull_requests=True), ("x",), Scanned(COMMIT, 7, "topic", "main"), SERVER)
    assert command[-3:] == (
        "-Dsonar.pullrequest.key=7",
        "-Dsonar.pullrequest.branch=topic",
        "-Dsonar.pullrequest.base=main",
    )
    mainline = scan_command(scan(pull_requests=True), ("x",), Scanned(COMMIT), SERVER)
    assert not any("pullrequest" in argument for argument in mainline)


def test_sonarqube_cloud_has_its_api_at_another_address() -> None:
    command = scan_command(scan(), ("x",), Scanned(COMMIT), "https://sonarcloud.io")
    assert "-Dsonar.scanner.apiBaseUrl=https://api.sonarcloud.io" in command


def test_the_configured_scanner_comes_before_the_one_on_the_path() -> None:
    assert choose_scanner(scan(scanner=["npx", "sonar"]), "pysonar") == ("npx", "sonar")
    assert choose_scanner(scan(), "pysonar") == ("pysonar",)
    # Its absence is then said, with how to get it.
    assert choose_scanner(scan(), None) == ("sonar-scanner",)


@pytest.mark.parametrize(
    "name", ["sonar.token", "sonar.host.url", "sonar.pullrequest.key", "sonar.login", "path", "a b"]
)
def test_properties_set_neither_secrets_nor_what_is_ours(name: str) -> None:
    with pytest.raises(ValidationError):
        scan(properties={name: "x"})


@pytest.mark.parametrize("key", ["123", "a b", "", "a;b"])
def test_a_project_s_key_is_one_that_sonarqube_takes(key: str) -> None:
    with pytest.raises(ValidationError):
        scan(project=key)


DELIVERY = """
version: 1
applications:
  shop:
    repository: acme/shop
    image: acme/shop
    checks:
      scan:
        sonarqube: {project: acme_shop}
    gates:
      sonarqube: {accept: [OK, WARN]}
environments:
  staging: {argocd: {application: x}, manifest: {file: x.yaml}}
"""


def test_a_scan_needs_no_command_and_reports_to_sonarqube_s_gate() -> None:
    check = parse_delivery(DELIVERY, file="delivery.yaml").applications["shop"].checks["scan"]
    assert (check.command, check.sonarqube) == ((), scan())


def test_a_scan_with_a_command_of_its_own_is_a_mistake() -> None:
    text = DELIVERY.replace("project: acme_shop}", "project: acme_shop}\n        command: [sonar-scanner]")
    with pytest.raises(ConfigurationError, match="made from `sonarqube`; remove one of the two"):
        parse_delivery(text, file="delivery.yaml")


def test_a_whole_report_is_read() -> None:
    read = parse_report_task("\n".join(LINES).encode(), "report-task.txt")
    assert read == SonarQubeAnalysis("AY-1_2", "shop", "", "http://s")


@pytest.mark.parametrize("length", range(len("\n".join(LINES))))
def test_a_report_that_is_cut_off_anywhere_is_no_report(length: int) -> None:
    with pytest.raises(InvalidReport):
        parse_report_task("\n".join(LINES).encode()[:length], "report-task.txt")


def test_a_task_that_is_no_id_is_never_asked_for() -> None:
    text = "projectKey=shop\nceTaskId=../x?y=1\nceTaskUrl=http://s/api/ce/task?id=../x?y=1\n"
    with pytest.raises(InvalidReport, match="no id of SonarQube's"):
        parse_report_task(text.encode(), "report-task.txt")


@pytest.mark.parametrize(
    ("named", "is_here"),
    [
        ("", True),
        ("https://sonar.acme.example", True),
        ("https://SONAR.acme.example:443/", True),
        ("http://sonar.acme.example", False),
        ("https://sonar.acme.example/other", False),
        ("https://sonar.acme.example.evil.example", False),
        ("https://sonar.acme.example:8443", False),
        ("https://[", False),
    ],
)
def test_a_server_is_known_by_its_whole_address(named: str, is_here: bool) -> None:
    assert is_of_server(SonarQubeAnalysis("AY1", "shop", server=named), SERVER) is is_here


def test_the_newest_analysis_of_a_commit_is_found() -> None:
    analyses = [
        {"key": "A3", "revision": "other"},
        {"key": "A2", "revision": COMMIT},
        {"key": "A1", "revision": COMMIT},
    ]
    assert find_revision({"analyses": analyses}, COMMIT) == "A2"
    assert find_revision({"analyses": [{"key": "A1"}]}, COMMIT) is None
    assert find_revision(None, COMMIT) is None


def test_what_waits_in_the_queue_is_the_mainline_s_reports() -> None:
    queue = [{"id": "1", "type": "REPORT"}, {"id": "2", "type": "REPORT", "pullRequest": "7"}, {"id": "3", "type": "X"}]
    assert queued_tasks({"queue": queue}) == ("1",)
    assert queued_tasks(None) == ()


@pytest.mark.parametrize(
    ("event", "decided"),
    [
        ({"taskId": "AY1", "revision": COMMIT, "project": {"key": "acme_shop"}}, News(COMMIT, "AY1")),
        (
            {"taskId": "AY1", "revision": COMMIT, "project": {"key": "another"}},
            Ignore("no application is analysed as this project"),
        ),
        (
            {"revision": COMMIT, "project": {"key": "acme_shop"}},
            Ignore("a person changed an issue, for which nothing waits"),
        ),
        (
            {"taskId": "AY1", "status": "FAILED", "project": {"key": "acme_shop"}},
            Ignore("it names no commit; whoever waits for it will ask"),
        ),
    ],
)
def test_only_news_of_a_commit_of_ours_is_passed_on(event: dict[str, Any], decided: News | Ignore) -> None:
    assert decide_analysed(Analysed.model_validate(event), parse_delivery(DELIVERY, file="delivery.yaml")) == decided


@pytest.mark.parametrize("task", ["../x", "a" * 65, "", 7])
def test_a_webhook_with_a_task_that_is_no_id_is_none(task: Any) -> None:
    with pytest.raises(ValidationError):
        Analysed.model_validate({"taskId": task, "project": {"key": "x"}})
