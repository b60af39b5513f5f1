"""SonarQube's scanner as a check: which project it analyses, by which program, and the command that comes of it.

https://docs.sonarsource.com/sonarqube-server/latest/analyzing-source-code/analysis-parameters
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from tasks.domain.configuration.part import Part, Text

SCANNERS = ("sonar-scanner", "pysonar")
REPORT_TASK = ".scannerwork/report-task.txt"

# What is ours to say, or is no way to pass a secret.
_OURS = re.compile(
    r"sonar\.(projectKey|host\.url|token|login|password|scm\.revision|working\.directory|qualitygate\.wait"
    r"|pullrequest\..*|branch\..*|scanner\.(apiBaseUrl|metadataFilePath))"
)
_APIS: Mapping[str, str] = {
    "https://sonarcloud.io": "https://api.sonarcloud.io",
    "https://sonarqube.us": "https://api.sonarqube.us",
}


def _not_ours(name: str) -> str:
    if _OURS.fullmatch(name):
        raise ValueError(f"{name} is set by Tidegate; leave it out")
    return name


ProjectKey = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]*[A-Za-z_.:-][A-Za-z0-9_.:-]*$", max_length=400)
]
Property = Annotated[str, StringConstraints(pattern=r"^sonar\.[A-Za-z0-9_.-]+$"), AfterValidator(_not_ours)]


class SonarQubeScan(Part):
    """A scan whose quality gate is waited for; what is there already of the same commit is not scanned again."""

    project: ProjectKey = Field(description="The project's key in SonarQube.")
    scanner: tuple[Text, ...] = Field(
        (),
        description="The program that scans; left out: sonar-scanner where it is on the worker's PATH, else pysonar.",
    )
    pull_requests: bool = Field(
        default=False,
        description="Analyse a pull request as one, which SonarQube Cloud and editions from Developer on know. Else it "
        "is analysed like the mainline, into the same branch.",
    )
    properties: dict[Property, Text] = Field(
        default_factory=dict, description="More analysis parameters, such as sonar.sources; no secrets."
    )


@dataclass(frozen=True, slots=True)
class Scanned:
    """What is scanned: a commit, and the pull request that asks to merge it, with its branches."""

    commit: str
    pull_request: int | None = None
    branch: str = ""
    base: str = ""


def choose_scanner(scan: SonarQubeScan, available: str | None) -> tuple[str, ...]:
    """The program that scans; `available` is the first of SCANNERS that the worker has, None where it has none."""
    return scan.scanner or (available or SCANNERS[0],)


def scan_command(scan: SonarQubeScan, scanner: tuple[str, ...], scanned: Scanned, server: str) -> tuple[str, ...]:
    """The scanner with its arguments; its token is none of them, for everybody on the machine can read these.

    Whatever the code under test says in files of its own, the scanner goes to this server and this project: what stands
    on the command line counts first.
    """
    return (*scanner, *(f"-D{name}={value}" for name, value in _parameters(scan, scanned, server).items()))


def _parameters(scan: SonarQubeScan, scanned: Scanned, server: str) -> dict[str, str]:
    return {
        **scan.properties,
        "sonar.projectKey": scan.project,
        "sonar.host.url": server,
        "sonar.scanner.apiBaseUrl": _APIS.get(server, f"{server}/api/v2"),
        "sonar.scm.revision": scanned.commit,
        "sonar.working.directory": ".scannerwork",
        "sonar.qualitygate.wait": "false",
        **(_pull_request(scanned) if is_own_branch(scan, scanned) else {}),
    }


def is_own_branch(scan: SonarQubeScan, scanned: Scanned) -> bool:
    """Whether SonarQube keeps this analysis apart from the mainline's."""
    return scan.pull_requests and scanned.pull_request is not None


def _pull_request(scanned: Scanned) -> dict[str, str]:
    return {
        "sonar.pullrequest.key": str(scanned.pull_request),
        "sonar.pullrequest.branch": scanned.branch,
        "sonar.pullrequest.base": scanned.base,
    }
