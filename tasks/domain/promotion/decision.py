"""The heart: whether a candidate is written into an environment's desired state now, from all facts at once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.promotion.change_set import Position
from tasks.domain.promotion.soak import Soaking
from tasks.domain.promotion.window import Closed, KeptBack
from tasks.domain.verdict import Verdict


@dataclass(frozen=True, slots=True)
class PromotionFacts:
    """What was gathered for one candidate and one environment.

    `goes_with` is the release without which it does not go there, where this is not that release's promotion.
    `stopped` is why the environment's stop switch is on; `queued_behind` an older candidate that goes first;
    `break_glass` is why somebody wants to pass closed windows and freezes, and empty where nobody does; `kept_back`
    is about the sync windows of Argo CD.
    """

    candidate: ReleaseCandidate
    environment: str
    evidence: Verdict
    desired_digest: str | None
    quarantine: Mapping[str, str] = field(default_factory=dict)
    needs: Mapping[str, Verdict] = field(default_factory=dict)
    goes_with: str | None = None
    superseded_by: str | None = None
    queued_behind: str | None = None
    stopped: str | None = None
    soaking: Soaking | None = None
    closed: Closed | None = None
    break_glass: str = ""
    may_break_glass: bool = False
    kept_back: KeptBack | None = None


class Ground(StrEnum):
    """What a refusal rests on."""

    EVIDENCE = "evidence"
    QUARANTINE = "quarantine"
    NEEDS = "needs"
    GLASS = "glass"
    WINDOW = "window"
    RELEASE = "release"


@dataclass(frozen=True, slots=True)
class Promote:
    """Write it, as soon as whoever has to approve has done so; `broken_glass` is why although the hour is wrong."""

    reason: str
    broken_glass: str = ""


@dataclass(frozen=True, slots=True)
class UpToDate:
    """The desired state already holds this digest; only the rollout is confirmed."""

    reason: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Not now: something that it needs is not there yet, and will start this promotion again when it is.

    With `until` nothing else does: it is to be started again then.
    """

    reason: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Later:
    """Only the hour is wrong: it may be approved now, and is written at `until`, None where that never comes."""

    reason: str
    until: datetime | None
    ground: Ground | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Queued:
    """An older candidate goes first, and starts this one when it has ended."""

    reason: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """Somebody has stopped every promotion; letting them go starts this one again."""

    reason: str


@dataclass(frozen=True, slots=True)
class Superseded:
    """A newer candidate has taken its place."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """No, and it takes a person to change that; `ground` says what would have to change."""

    reason: str
    ground: Ground | None = field(default=None, compare=False)


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


NotNow = Wait | Later | Queued | Stopped | Superseded | Refuse
Decision = Promote | UpToDate | NotNow


def decide_promotion(facts: PromotionFacts) -> Decision:
    """The one decision, in the order in which a reason makes all later ones pointless."""
    if against := next(find_lasting(facts), None):
        return against
    if facts.desired_digest == facts.candidate.digest:
        return UpToDate(f"{facts.environment} is already meant to run {facts.candidate.image.short_digest}")
    return next(find_passing(facts), None) or _promote(facts)


def find_lasting(facts: PromotionFacts) -> Iterator[Refuse | Superseded | Wait]:
    """All that is wrong with the candidate itself, or with where it comes from; the first is the one that counts."""
    name, environment = facts.candidate.name, facts.environment
    if release := facts.goes_with:
        yield Refuse(
            f"{facts.candidate.application} goes to {environment} only with release {release}; promote that by "
            f"`tidegate release {release} {environment}`",
            Ground.RELEASE,
        )
    if not facts.evidence.has_passed:
        yield Refuse(f"{name} is not a release candidate: {facts.evidence.reason}", Ground.EVIDENCE)
    if why := facts.quarantine.get(facts.candidate.digest):
        yield Refuse(
            f"{facts.candidate.image.short_digest} is in quarantine in {environment}: {why}; promote a newer candidate",
            Ground.QUARANTINE,
        )
    if facts.superseded_by:
        yield Superseded(f"{name} is superseded in {environment} by {facts.superseded_by}")
    for needed, verdict in facts.needs.items():
        if verdict.has_failed:
            yield Refuse(f"{environment} needs {needed}: {verdict.reason}", Ground.NEEDS)
        elif not verdict.has_passed:
            yield Wait(f"{environment} needs {needed}: {verdict.reason}")


def find_passing(facts: PromotionFacts) -> Iterator[Wait | Later | Queued | Stopped | Refuse]:
    """All that only the moment has against a change; the first is the one that counts."""
    if facts.stopped:
        yield Stopped(facts.stopped)
    if facts.queued_behind:
        yield Queued(f"{facts.environment} takes candidates in order: {facts.queued_behind} goes first")
    if facts.break_glass and not facts.may_break_glass:
        reason = f"{facts.environment} has no break-glass; set `break-glass: true` there, or wait for its windows"
        yield Refuse(reason, Ground.GLASS)
    if facts.soaking:
        yield Wait(facts.soaking.reason, facts.soaking.until)
    if facts.closed and not facts.break_glass:
        yield Later(facts.closed.reason, facts.closed.until)
    if facts.kept_back:
        # Argo CD's own windows break no glass of ours.
        yield _kept_back(facts.environment, facts.kept_back)


def _kept_back(environment: str, window: KeptBack) -> Later | Refuse:
    if window.may_be_waited_for:
        return Later(f"{environment}: {window.reason}", window.until, Ground.WINDOW)
    return Refuse(f"{environment}: {window.reason}; promote again when it is open, or change the window", Ground.WINDOW)


def _promote(facts: PromotionFacts) -> Promote:
    reason = f"{facts.candidate.name} may go to {facts.environment}: its gates passed{_after(facts.needs)}"
    if facts.closed is None or not facts.break_glass:
        return Promote(reason)
    why = facts.break_glass
    return Promote(f"{reason}; {facts.closed.reason}, but the glass was broken: {why}", why)


def refuse_waiting(decision: NotNow) -> NotNow:
    """After an approval nothing waits in silence: where nobody starts the promotion again, a person has to know."""
    if isinstance(decision, Wait) and decision.until is None:
        return Refuse(f"{decision.reason}; start the promotion again when it is there")
    return decision


def _after(needs: Mapping[str, Verdict]) -> str:
    return f" and {', '.join(needs)} runs it, healthy" if needs else ""
