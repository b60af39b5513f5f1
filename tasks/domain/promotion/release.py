"""Whether several candidates that only go together go now: each is decided by itself first, then all of them as one."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.errors import ConfigurationError
from tasks.domain.promotion.decision import (
    Decision,
    Later,
    NotNow,
    Promote,
    Queued,
    Refuse,
    Stopped,
    Superseded,
    UpToDate,
    Wait,
)

_PINNED = re.compile(r"([0-9a-f]{40})@(sha256:[0-9a-f]{64})")
# What counts most comes first.
_AGAINST = (Refuse, Superseded, Stopped, Wait, Queued, Later)


@dataclass(frozen=True, slots=True)
class Pinned:
    """One member's commit and digest; as a text, in a run's parameters, COMMIT@DIGEST."""

    commit: str
    digest: str

    def __str__(self) -> str:
        return f"{self.commit}@{self.digest}"


def read_pinned(candidates: Mapping[str, object]) -> dict[str, Pinned]:
    """By application; raises ConfigurationError for what is not COMMIT@DIGEST."""
    found = {}
    for application, text in candidates.items():
        match = _PINNED.fullmatch(str(text))
        if match is None:
            raise ConfigurationError(
                f"{application}: {text!r} names no candidate; give all 40 digits of its commit, '@' and its digest, or "
                "leave the candidates out: then the release takes what the environments before run"
            )
        found[application] = Pinned(match[1], match[2])
    return found


@dataclass(frozen=True, slots=True)
class MemberDecision:
    """What was decided of one member by itself; `repository` is where its commit is from."""

    candidate: ReleaseCandidate
    repository: str
    decision: Decision


def decide_release(release: str, environment: str, members: Sequence[MemberDecision]) -> Decision:
    """All of them or none: the worst that stands against one stands against all, in its words and under its name.

    What only waits for a time goes on at the latest of these; where one waits for something else, that starts all.
    """
    uneven = find_uneven([(member.candidate, member.repository) for member in members])
    for kind in _AGAINST:
        against = [(member, member.decision) for member in members if isinstance(member.decision, kind)]
        if kind is Wait and uneven:
            return Wait(f"release {release} does not go to {environment} yet: {uneven}")
        if against:
            return _refused(release, environment, len(members), against)
    moved = [member for member in members if isinstance(member.decision, Promote)]
    if not moved:
        return UpToDate(f"{environment} is already meant to run release {release}: {_names(members)}")
    reason = f"release {release} may go to {environment}: {_names(moved)}"
    staying = [member for member in members if member not in moved]
    glass = next((m.decision.broken_glass for m in moved if isinstance(m.decision, Promote)), "")
    return Promote(f"{reason}; {_names(staying)} is there already" if staying else reason, glass)


def find_uneven(candidates: Iterable[tuple[ReleaseCandidate, str]]) -> str | None:
    """Why these candidates do not belong together: two of one repository that are from different commits."""
    first: dict[str, ReleaseCandidate] = {}
    for candidate, repository in candidates:
        other = first.setdefault(repository, candidate)
        if other.commit != candidate.commit:
            return (
                f"{other.name} and {candidate.name} are from different commits of {repository}, and only go from the "
                "same; it waits until the environments before run one of them for both"
            )
    return None


def _refused(release: str, environment: str, total: int, against: Sequence[tuple[MemberDecision, Decision]]) -> NotNow:
    reason = f"release {release} does not go to {environment}: {_told(total, against)}"
    first, times = against[0][1], [getattr(decision, "until", None) for _, decision in against]
    known = [time for time in times if time is not None]
    until = max(known) if len(known) == len(times) else None
    match first:
        case Wait():
            return Wait(reason, until)
        case Later():
            return Later(reason, until)
        case Superseded() | Stopped() | Queued():
            return type(first)(reason)
    return Refuse(reason, first.ground if isinstance(first, Refuse) else None)


def _told(total: int, against: Sequence[tuple[MemberDecision, Decision]]) -> str:
    """Each reason once, with the members that it holds for, where these are not all."""
    names: dict[str, list[str]] = {}
    for member, decision in against:
        names.setdefault(decision.reason, []).append(member.candidate.application)
    return "; ".join(
        reason if len(whose) == total else f"{' and '.join(whose)}: {reason}" for reason, whose in names.items()
    )


def _names(members: Sequence[MemberDecision]) -> str:
    return " and ".join(member.candidate.name for member in members)
