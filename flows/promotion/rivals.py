"""Other candidates on their way to the same environment: which are newer, which older, and which got there first."""

from collections.abc import Sequence

from prefect.runtime import flow_run

from flows.places.place import Place
from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.promotion.change_set import Position
from tasks.domain.promotion.decision import Rival
from tasks.domain.promotion.history import Change, quarantined
from tasks.github.commits import compare
from tasks.runs.promotions import PromotionRun, find_open_promotions

Rivals = Sequence[tuple[PromotionRun, Rival]]


def find_rivals(place: Place, candidate: ReleaseCandidate, own_run: str | None = None) -> Rivals:
    """The promotions of this application to this environment that have not ended, oldest first, without one's own.

    That is this run, unless another one is named.
    """
    runs = find_open_promotions(place.application, place.environment)
    own = next((index for index, run in enumerate(runs) if str(run.run_id) == (own_run or flow_run.id)), len(runs))
    rivals = []
    for index, run in enumerate(runs):
        if index != own:
            position = _position(place, candidate, run)
            # What is only planned for later does not take the place of the same image that goes now.
            is_plan = run.is_scheduled and run.digest == candidate.digest
            name = f"{place.application} {run.commit[:7]}: {run.url}"
            rivals.append((run, Rival(name, position, started_later=index > own and not is_plan)))
    return rivals


def find_newer(rivals: Rivals) -> str | None:
    """The one that takes this candidate's place."""
    return next((rival.name for _, rival in rivals if rival.is_newer), None)


def find_ahead(rivals: Rivals) -> str | None:
    """The one that goes before this candidate, where they go in turn; not one that is only planned and the same."""
    return next(
        (rival.name for run, rival in rivals if not rival.is_newer and not _is_same_plan(run, rival)),
        None,
    )


def find_older(place: Place, candidate: ReleaseCandidate) -> tuple[PromotionRun, ...]:
    """The promotions whose place this candidate takes: those that wait for a person, or for their time."""
    waiting = [(run, rival) for run, rival in find_rivals(place, candidate) if run.is_waiting or run.is_scheduled]
    if place.env.order == "queue":
        waiting = [
            (run, rival) for run, rival in waiting if _is_same_plan(run, rival) and run.digest == candidate.digest
        ]
    return tuple(run for run, rival in waiting if not rival.is_newer)


def find_overtaking(place: Place, candidate: ReleaseCandidate, history: Sequence[Change]) -> str | None:
    """A newer candidate that was written there since this run began: it may have ended while this one waited.

    A run that somebody starts afterwards, to go back on purpose, is not overtaken.
    """
    began, taken_back = flow_run.scheduled_start_time, quarantined(history)
    for change in history:
        if change.when is None or began is None or change.when < began:
            return None
        if change.clears_quarantine or change.rollback_of or change.digest in {candidate.digest, *taken_back}:
            continue
        if (
            compare(place.github, place.app.repository, candidate.commit, change.source_commit).position
            is Position.AHEAD
        ):
            return f"{place.application} {change.source_commit[:7]}, written there by {change.revision[:7]}"
    return None


def _position(place: Place, candidate: ReleaseCandidate, run: PromotionRun) -> Position:
    # A release is what the environments before ran when it began: of two the later one is newer, whatever is in it.
    if run.is_release:
        return Position.IDENTICAL
    return compare(place.github, place.app.repository, candidate.commit, run.commit).position


def _is_same_plan(run: PromotionRun, rival: Rival) -> bool:
    return run.is_scheduled and rival.position is Position.IDENTICAL
