"""One check of an application as it is configured: a command, and the reports that it writes."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from tasks.domain.configuration.checked_text import Path
from tasks.domain.configuration.part import Part, PositiveSeconds, Seconds, Text
from tasks.domain.gates.isolation import Container, Limits
from tasks.domain.gates.scan import SonarQubeScan

TEST_FORMATS = ("junit", "go-test")
COVERAGE_FORMATS = ("cobertura", "lcov", "jacoco", "coverage-py", "go-cover")
# What a toolchain brings, where it has such a tool.
DEFAULT_CHECKS = ("install", "lint", "tests", "audit")
VULNERABILITY_FORMATS = ("trivy", "pip-audit", "npm-audit", "ecr")
FINDING_FORMATS = ("sarif", "trivy", "gitleaks", "detect-secrets", "bandit", "hadolint")


class Reports(Part):
    """The reports that a command writes, by format; `*` stands for anything, and then every file that fits is read."""

    junit: Path | None = Field(None, description="JUnit XML: the tests and how they ended.")
    go_test: Path | None = Field(None, description="What `go test -json` prints: the tests and how they ended.")
    cobertura: Path | None = Field(None, description="Cobertura XML: coverage.")
    lcov: Path | None = Field(None, description="An LCOV tracefile: coverage.")
    jacoco: Path | None = Field(None, description="JaCoCo XML: coverage.")
    coverage_py: Path | None = Field(None, description="coverage.py's JSON report: coverage.")
    go_cover: Path | None = Field(None, description="What `go test -coverprofile` writes: coverage.")
    sarif: Path | None = Field(None, description="SARIF 2.1.0, of any linter or scanner: findings.")
    trivy: Path | None = Field(None, description="Trivy's JSON report: findings and vulnerabilities.")
    gitleaks: Path | None = Field(None, description="gitleaks' JSON report: secrets.")
    # Without --all-files it asks git for the files, and finds nothing where git may not or cannot answer.
    detect_secrets: Path | None = Field(None, description="What `detect-secrets scan --all-files` prints: secrets.")
    bandit: Path | None = Field(None, description="bandit's JSON report: findings.")
    hadolint: Path | None = Field(None, description="hadolint's JSON report: findings.")
    pip_audit: Path | None = Field(None, description="pip-audit's JSON report: vulnerabilities.")
    npm_audit: Path | None = Field(None, description="What `npm audit --json` prints: vulnerabilities.")
    ecr: Path | None = Field(None, description="ECR's scan findings as JSON: vulnerabilities.")
    sonarqube: Path | None = Field(
        None, description="The scanner's report-task.txt; the check then waits for SonarQube's quality gate."
    )

    def paths(self) -> dict[str, str]:
        """Each configured report's path by its format, in the order above."""
        return {name: path for name, path in self.model_dump(by_alias=True).items() if path is not None}

    def has_any(self, formats: Iterable[str]) -> bool:
        """Whether one of these formats is among them."""
        return not self.paths().keys().isdisjoint(formats)


class CouldNotRun(Part):
    """What a check ends with that could not do its work, and how often it then runs again.

    That a program crashed, or that the network failed it, is seen by itself.
    """

    retries: Annotated[int, Field(ge=0, le=5)] = Field(1, description="How often it runs again then.")
    pause_seconds: Seconds = Field(5, description="How long after that.")
    exit_codes: tuple[Annotated[int, Field(ge=1, le=255)], ...] = Field(
        (69, 75),
        description="With these the command could not do its work, such as 2 of snyk; 69 and 75 mean so by convention.",
    )


class Check(Part):
    """One command that runs in the checked-out commit; it fails where the command or one of its reports does."""

    command: tuple[Text, ...] = Field(
        (),
        min_length=1,
        description="The program and its arguments; no shell reads them. Left out only to change a default check, or "
        "with `sonarqube`.",
    )
    sonarqube: SonarQubeScan | None = Field(
        None, description="In place of a command: SonarQube's scanner, whose quality gate is then waited for."
    )
    before_others: bool = Field(
        default=False, description="Runs before all others and in their files; where it fails they do not run."
    )
    timeout_seconds: PositiveSeconds = Field(900, description="When the command is killed and has failed.")
    retries: Annotated[int, Field(ge=0, le=5)] = Field(
        0, description="How often a check that failed runs again, whatever the reason; one that passes then is flaky."
    )
    could_not_run: CouldNotRun = Field(
        default=CouldNotRun(), description="A crash or the network, which says nothing of the code: runs again."
    )
    reports: Reports = Field(default=Reports(), description="What the command writes; each must be there and whole.")
    exit_codes: tuple[Annotated[int, Field(ge=0, le=255)], ...] = Field(
        (0,),
        min_length=1,
        description="With these the command did its work; [0, 1] for a scanner that ends with 1 where it found "
        "something, which its report then says.",
    )
    limits: Limits = Field(default=Limits(), description="What the command may use; it is killed where it takes more.")
    container: Container | None = Field(
        None, description="Runs the command in a container of this image; left out: as `isolation` says."
    )
