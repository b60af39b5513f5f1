"""The SonarQube scanner's report-task.txt; what SonarQube says of it is in tasks.domain.gates.sonarqube."""

from dataclasses import dataclass

from tasks.domain.errors import InvalidReport
from tasks.domain.reports.content import read_text


@dataclass(frozen=True, slots=True)
class SonarQubeAnalysis:
    """What the scanner handed over: the task that SonarQube computes, and where people see the result."""

    task: str
    project: str
    dashboard_url: str = ""


def parse_report_task(report: bytes, expected: str) -> SonarQubeAnalysis:
    """Read the scanner's report-task.txt; raises InvalidReport. The server it names is not trusted, so not read."""
    # ceTaskUrl has `=` in its value.
    values = {
        key.strip(): value.strip()
        for key, equals, value in (line.partition("=") for line in read_text(report, expected).splitlines())
        if equals
    }
    if not values.get("ceTaskId") or not values.get("projectKey"):
        raise InvalidReport(f"{expected} has no ceTaskId or projectKey; the scanner did not finish its upload")
    return SonarQubeAnalysis(values["ceTaskId"], values["projectKey"], values.get("dashboardUrl", ""))
