"""The policy of an application's gates, which stands on the platform's side, where no pull request can weaken it."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, WithJsonSchema

from tasks.domain.configuration.part import Part
from tasks.domain.gates.finding import Severity

Percent = Annotated[Decimal, Field(ge=0, le=100), WithJsonSchema({"type": "number", "minimum": 0, "maximum": 100})]
# Named as texts, so that a wrong one is answered with the right ones.
SeverityName = Literal["unknown", "info", "low", "medium", "high", "critical"]
Threshold = Literal["info", "low", "medium", "high", "critical", "never"]
Totals = dict[SeverityName, Annotated[int, Field(ge=0)]]
NEVER: Literal["never"] = "never"


class CoverageGate(Part):
    """How much of the code the unit tests must run."""

    minimum: Percent = Field(Decimal(80), description="Percent of lines, compared exactly: 79.995 is not 80.")
    changed_lines: Percent | None = Field(
        None, description="Percent of the lines that changed since the base branch; left out: decides nothing."
    )


class FindingsGate(Part):
    """What tools may find in the code, vulnerabilities of dependencies apart."""

    fail_on_new: Threshold = Field(
        "high", description="Fails on a finding of at least this severity that the base branch does not have."
    )
    at_most: Totals = Field(default_factory=dict, description="How many findings of a severity there may be.")


class VulnerabilitiesGate(Part):
    """Which vulnerabilities the dependencies and the image may have; an unknown severity counts as any."""

    fail_on_fixable: Threshold = Field(
        "high", description="Fails on one of at least this severity that another version fixes, or might."
    )
    fail_on_unfixable: Threshold = Field(
        "critical", description="Fails on one of at least this severity that nothing fixes yet."
    )
    at_most: Totals = Field(default_factory=dict, description="How many vulnerabilities of a severity there may be.")


class SonarQubeGate(Part):
    """Which answers of SonarQube's own quality gate are good enough."""

    accept: tuple[Literal["OK", "WARN", "NONE"], ...] = Field(
        ("OK",), min_length=1, description="NONE is the answer for a project without a quality gate."
    )


class Gates(Part):
    """What must hold beyond every check having passed; each gate is there as soon as a check reports to it."""

    coverage: CoverageGate = Field(default=CoverageGate(), description="How much of the code tests must run.")
    findings: FindingsGate = Field(default=FindingsGate(), description="What tools may find in the code.")
    vulnerabilities: VulnerabilitiesGate = Field(
        default=VulnerabilitiesGate(), description="Which vulnerabilities dependencies and image may have."
    )
    sonarqube: SonarQubeGate = Field(default=SonarQubeGate(), description="Which answers of SonarQube are good enough.")

    def asks_for(self, gate: str) -> bool:
        """Whether the gate is written down, and so must have something to decide on."""
        return gate in self.model_fields_set


def severity_of(threshold: str) -> Severity | None:
    """The severity from which on a gate fails; None where it never does."""
    return None if threshold == NEVER else Severity(threshold)
