"""Quality gates: named checks of a commit that decide whether an image is built."""

from dataclasses import dataclass

from tasks.domain.verdict import Verdict


@dataclass(frozen=True, slots=True)
class GateResult:
    """What one gate said about one commit."""

    gate: str
    verdict: Verdict
