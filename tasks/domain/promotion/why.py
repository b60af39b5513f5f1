"""Why a candidate is not in an environment yet: every reason, whose move it is, and what would change it.

The reasons are those that decide_promotion goes by, not only the first of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tasks.domain.promotion.decision import (
    Ground,
    Later,
    NotNow,
    PromotionFacts,
    Queued,
    Refuse,
    Stopped,
    Superseded,
    Wait,
    find_lasting,
    find_passing,
)

_TIME, _NOBODY = "time's", "nobody's"
_ANSWER = "answer the form of the run"


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that stands against it; `move` says whose move it is, `way_on` what would change it."""

    sentence: str
    move: str
    way_on: str


def explain(
    facts: PromotionFacts, missing_approvals: tuple[str, ...] = (), given_approvals: str = ""
) -> tuple[Reason, ...]:
    """All that stands against the candidate, what counts most first; empty where it may be written now.

    `missing_approvals` say who still has to approve, where that is asked, `given_approvals` who has.
    """
    if facts.desired_digest == facts.candidate.digest and not next(find_lasting(facts), None):
        return ()
    reasons = [_reason(facts, against) for against in find_lasting(facts)]
    given = f" (approved already by {given_approvals})" if given_approvals else ""
    reasons += [
        Reason(f"{facts.environment} asks for an approval: {missing}{given}", "an approver's", _ANSWER)
        for missing in missing_approvals
    ]
    return (*reasons, *(_reason(facts, against) for against in find_passing(facts)))


def explain_together(members: Mapping[str, tuple[Reason, ...]]) -> tuple[Reason, ...]:
    """What stands against several that go together, by application: each reason once, with whom it is about."""
    if len(members) == 1:
        return next(iter(members.values()))
    whose: dict[Reason, list[str]] = {}
    for application, reasons in members.items():
        for reason in reasons:
            whose.setdefault(reason, []).append(application)
    return tuple(
        reason if len(names) == len(members) else replace(reason, sentence=f"{', '.join(names)}: {reason.sentence}")
        for reason, names in whose.items()
    )


def _reason(facts: PromotionFacts, against: NotNow) -> Reason:
    move, way_on = _move(facts, against)
    return Reason(against.reason, move, way_on)


def _move(facts: PromotionFacts, against: NotNow) -> tuple[str, str]:
    environment = facts.environment
    match against:
        case Superseded():
            return _NOBODY, "the newer candidate takes its place; to go back on purpose, use `tidegate rollback`"
        case Stopped():
            return "whoever stopped it", f"`tidegate go {environment} --reason ...`, which starts it again"
        case Queued():
            return "of the one before", "it goes on by itself when that one has ended"
        case Later():
            return _closed(facts, against)
        case Wait(until=None):
            return "of the environment before", "it is started again when that one is verified"
        case Wait():
            return _TIME, "it goes on by itself then"
        case Refuse():
            return _refused(facts, against)


def _closed(facts: PromotionFacts, against: Later) -> tuple[str, str]:
    if against.until is None:
        return "the platform team's", f"correct the windows of {facts.environment} in the delivery configuration"
    if against.ground is Ground.WINDOW:
        return _TIME, "it goes on by itself then; sooner only where somebody changes the window in Argo CD"
    return _TIME, _glass(facts)


def _glass(facts: PromotionFacts) -> str:
    on = "it goes on by itself then"
    return f"{on}; in an emergency run `promote` with a `break_glass` reason" if facts.may_break_glass else on


def _refused(facts: PromotionFacts, against: Refuse) -> tuple[str, str]:
    match against.ground:
        case Ground.EVIDENCE:
            return "the author's", "push a commit whose gates pass, or integrate this one again"
        case Ground.QUARANTINE:
            place = f"{facts.candidate.application} {facts.environment}"
            clearing = f"tidegate quarantine clear {place} {facts.candidate.commit[:7]} --reason ..."
            return "the author's", f"push a better commit; where it was not the image's fault: `{clearing}`"
        case Ground.WINDOW:
            return "the platform team's", "change the sync window of the Argo CD project, then run `promote` again"
        case Ground.RELEASE:
            return _NOBODY, "its release goes by itself once all its members are verified before"
        case Ground.GLASS:
            return _TIME, "run `promote` without a `break_glass` reason; it waits for the opening"
        case _:
            return "whoever runs that environment", "make it healthy with this image, then run `promote` again"
