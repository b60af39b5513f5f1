"""The one answer that gates, rollouts and checks give: passed, failed or pending, with a reason in a sentence."""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """The three things a verdict can say."""

    PASSED = "passed"
    FAILED = "failed"
    PENDING = "pending"


@dataclass(frozen=True, slots=True)
class Verdict:
    """An outcome and the sentence that a person can act on."""

    outcome: Outcome
    reason: str

    @property
    def has_passed(self) -> bool:
        """Whether everything asked for is there and good."""
        return self.outcome is Outcome.PASSED

    @property
    def has_failed(self) -> bool:
        """Whether waiting longer cannot help."""
        return self.outcome is Outcome.FAILED


def passed(reason: str) -> Verdict:
    """All that was asked for is there."""
    return Verdict(Outcome.PASSED, reason)


def failed(reason: str) -> Verdict:
    """Waiting longer cannot help."""
    return Verdict(Outcome.FAILED, reason)


def pending(reason: str) -> Verdict:
    """Not yet: the reason names what is still missing."""
    return Verdict(Outcome.PENDING, reason)
