"""The answer about a rollout: one verdict, what kind it is, and the facts it rests on."""

from dataclasses import dataclass
from enum import StrEnum

from tasks.domain.verdict import Outcome, Verdict


class RolloutKind(StrEnum):
    """What is the matter; the first group is final, the second says what is waited for."""

    CONFIRMED = "confirmed"
    SUPERSEDED = "superseded"
    RENDER_FAILED = "render-failed"
    SYNC_FAILED = "sync-failed"
    POD_FAILED = "pod-failed"
    DEGRADED = "degraded"
    MISSING = "missing"
    ABORTED = "aborted"
    TIMED_OUT = "timed-out"

    DETECTION = "detection"
    RENDERING = "rendering"
    SYNC_WINDOW = "sync-window"
    OPERATION = "operation"
    SYNC = "sync"
    MANIFESTS = "manifests"
    LIVE_STATE = "live-state"
    FRESHNESS = "freshness"
    HEALTH = "health"
    SUSPENDED = "suspended"
    OLD_PODS = "old-pods"
    SETTLING = "settling"


@dataclass(frozen=True, slots=True)
class RolloutVerdict:
    """A verdict on a rollout with the facts that a person would check."""

    verdict: Verdict
    kind: RolloutKind
    evidence: tuple[str, ...] = ()

    @property
    def is_final(self) -> bool:
        """Whether waiting is over."""
        return self.verdict.outcome is not Outcome.PENDING

    @property
    def calls_for_rollback(self) -> bool:
        """Whether the image itself is to be taken back: it failed, and nobody has put another one in its place."""
        return self.verdict.has_failed and self.kind is not RolloutKind.SUPERSEDED
