"""The SonarQube scanner's report-task.txt; what SonarQube says of it is in tasks.domain.gates.sonarqube."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from tasks.domain.errors import InvalidReport
from tasks.domain.reports.content import read_text

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class SonarQubeAnalysis:
    """What the scanner handed over: the task that SonarQube computes, for which project, and on which server.

    `server` is that server's own idea of its address, and `dashboard_url` where people see the result there.
    """

    task: str
    project: str
    dashboard_url: str = ""
    server: str = ""


def parse_report_task(report: bytes, expected: str) -> SonarQubeAnalysis:
    """Read the scanner's report-task.txt; raises InvalidReport. No address in it is ever asked for anything."""
    # ceTaskUrl has `=` in its value.
    values = {
        key.strip(): value.strip()
        for key, equals, value in (line.partition("=") for line in read_text(report, expected).splitlines())
        if equals
    }
    task, project = values.get("ceTaskId", ""), values.get("projectKey", "")
    if not task or not project:
        raise InvalidReport(f"{expected} has no ceTaskId or projectKey; the scanner did not finish its upload")
    if not _ID.fullmatch(task):
        raise InvalidReport(f"{expected} names no id of SonarQube's as ceTaskId; do not write it but by the scanner")
    # The last line that a scanner writes repeats the id: where it does not, the file was cut off.
    if parse_qs(urlsplit(values.get("ceTaskUrl", "")).query).get("id") != [task]:
        raise InvalidReport(f"{expected} is cut off: its ceTaskUrl is not that of the task {task}; run the check again")
    return SonarQubeAnalysis(task, project, values.get("dashboardUrl", ""), values.get("serverUrl", ""))


def is_of_server(analysis: SonarQubeAnalysis, *addresses: str) -> bool:
    """Whether the scanner reported to the server with one of these addresses; one that names none may have."""
    named = _address(analysis.server)
    return not analysis.server or named in {_address(one) for one in addresses if one}


def _address(url: str) -> tuple[str, str, int | None, str]:
    try:
        parts = urlsplit(url.strip())
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        return "", url, None, ""
    return parts.scheme, (parts.hostname or "").lower(), port, parts.path.rstrip("/")
