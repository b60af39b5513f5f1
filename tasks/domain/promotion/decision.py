"""The heart: whether a candidate is written into an environment's desired state now, from all facts at once."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.promotion.change_set import Position
from tasks.domain.verdict import Verdict


@dataclass(frozen=True, slots=True)
class PromotionFacts:
    """What was gathered for one candidate and one environment."""

    candidate: ReleaseCandidate
    environment: str
    evidence: Verdict
    desired_digest: str | None
    quarantine: Mapping[str, str] = field(default_factory=dict)
    needs: Mapping[str, Verdict] = field(default_factory=dict)
    superseded_by: str | None = None


@dataclass(frozen=True, slots=True)
class Promote:
    """Write it, as soon as whoever has to approve has done so."""

    reason: str


@dataclass(frozen=True, slots=True)
class UpToDate:
    """The desired state already holds this digest; only the rollout is confirmed."""

    reason: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Not now: something that it needs is not there yet, and will start this promotion again when it is."""

    reason: str


@dataclass(frozen=True, slots=True)
class Superseded:
    """A newer candidate has taken its place."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """No, and it takes a person to change that."""

    reason: str


@dataclass(frozen=True, slots=True)
class Rival:
    """Another candidate that is on its way to the same environment."""

    name: str
    position: Position
    started_later: bool

    @property
    def is_newer(self) -> bool:
        """Whether it takes this candidate's place: by history, and by the start where history does not tell."""
        if self.position in {Position.IDENTICAL, Position.DIVERGED}:
            return self.started_later
        return self.position is Position.AHEAD


Decision = Promote | UpToDate | Wait | Superseded | Refuse


def decide_promotion(facts: PromotionFacts) -> Decision:
    """The one decision, in the order in which a reason makes all later ones pointless."""
    name, environment = facts.candidate.name, facts.environment
    if not facts.evidence.has_passed:
        return Refuse(f"{name} is not a release candidate: {facts.evidence.reason}")
    if why := facts.quarantine.get(facts.candidate.digest):
        return Refuse(
            f"{facts.candidate.image.short_digest} is in quarantine in {environment}: {why}; promote a newer candidate"
        )
    if facts.superseded_by:
        return Superseded(f"{name} is superseded in {environment} by {facts.superseded_by}")
    for needed, verdict in facts.needs.items():
        if verdict.has_failed:
            return Refuse(f"{environment} needs {needed}: {verdict.reason}")
        if not verdict.has_passed:
            return Wait(f"{environment} needs {needed}: {verdict.reason}")
    if facts.desired_digest == facts.candidate.digest:
        return UpToDate(f"{environment} is already meant to run {facts.candidate.image.short_digest}")
    return Promote(f"{name} may go to {environment}: its gates passed" + _after(facts.needs))


def refuse_waiting(decision: Wait | Superseded | Refuse) -> Superseded | Refuse:
    """After an approval nothing waits in silence: nobody would start the promotion again, so a person has to know."""
    if isinstance(decision, Wait):
        return Refuse(f"{decision.reason}; start the promotion again when it is there")
    return decision


def _after(needs: Mapping[str, Verdict]) -> str:
    return f" and {', '.join(needs)} runs it, healthy" if needs else ""
