"""What the SonarQube stand-in keeps of each upload: the task that computes it, and the analysis that comes of it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from deployments.sandbox.sonarqube.analysis import Issue, Metadata


@dataclass
class Task:
    """One upload on its way to an analysis; it is computed when first asked for after its time.

    One that `is_told` is computed at its time, and is done when the webhooks are sent.
    """

    id: str
    project: str
    report: bytes = field(repr=False)
    submitted: float
    status: str = "PENDING"
    error: str | None = None
    analysis: str | None = None
    pull_request: str | None = None
    is_told: bool = False


@dataclass(frozen=True)
class Analysis:
    """A computed upload."""

    id: str
    project: str
    pull_request: str | None
    metadata: Metadata
    computed: float
    values: dict[str, Decimal]
    issues: tuple[Issue, ...]
    gate: dict[str, Any]


def moment(seconds: float) -> str:
    """Seconds since 1970 as SonarQube writes a moment."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")
