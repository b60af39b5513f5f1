"""Finds out why a candidate is not in an environment yet, by the facts and decisions of promote; changes nothing."""

from flows.places.everywhere import closed_anywhere, confirm_everywhere, targets_of
from flows.places.place import Place
from flows.promotion.facts import changes_since, gather_candidate, gather_facts
from flows.promotion.people import involved_in
from flows.promotion.remember import Memory
from tasks.approval.ask import has_asked
from tasks.argocd.actions import read_rollouts
from tasks.domain.approval.decision import Answer, AskAgain, decide_approval
from tasks.domain.approval.record import Asked
from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.promotion.why import Reason, explain
from tasks.domain.promotion.why_rollout import explain_rollout
from tasks.runs.lookup import SeenRun, find_promotions


def find_reasons(
    place: Place, commit: str, digest: str, own: SeenRun | None = None, said: str = "", *, in_release: bool = False
) -> tuple[Reason, ...]:
    """All that stands against this candidate there, or holds its rollout up where it is written already.

    `own` is the run that promotes it, which is no rival of its own; `said` is how its question stands, where it asks.
    `in_release`: together with the others of its release.
    """
    candidate, evidence = gather_candidate(place, commit, digest)
    facts = gather_facts(place, candidate, evidence, own=str(own.run_id) if own else None, in_release=in_release)
    if facts.desired_digest == candidate.digest:
        return explain(facts) or _explain_rollout(place, candidate)
    standing = AskAgain("") if _has_been_answered(own) else standing_of(place, candidate)
    given = ", ".join(answer.person.words for answer in standing.given)
    reasons = explain(facts, (said,) if said else standing.missing, "" if said else given)
    return (*reasons, *_held_by(place, own))


def _has_been_answered(own: SeenRun | None) -> bool:
    """Whether people have had their say: a run that has asked and is at work does not wait for them."""
    return own is not None and own.state_type == "RUNNING" and has_asked(str(own.run_id))


def standing_of(place: Place, candidate: ReleaseCandidate) -> AskAgain:
    """Who has approved it and who is missing, by what is kept with the image; nobody is where nobody is asked."""
    policy, everything = place.env.approval, AskAgain("")
    if policy is None:
        return everything
    answers: list[Answer] = []
    involved: frozenset[str] = frozenset()
    if place.signing is not None:
        changes = changes_since(place, candidate)
        asked = Asked(place.application, place.environment, candidate.commit, changes.base or "")
        answers = [held.answer for held in Memory(place, policy, candidate, asked).recall()]
        if answers and not policy.author_may_approve:
            involved = involved_in(place, candidate, changes)
    standing = decide_approval(policy, candidate, place.environment, answers, involved)
    return standing if isinstance(standing, AskAgain) else everything


def _explain_rollout(place: Place, candidate: ReleaseCandidate) -> tuple[Reason, ...]:
    live = confirm_everywhere(place, candidate.image)
    if live.has_passed:
        return ()
    every = (one for server, target in targets_of(place) for one in read_rollouts(server, target))
    paused = [one for one in every if one.is_paused]
    return explain_rollout(place.environment, live, closed_anywhere(place), paused, place.env.progressive)


def _held_by(place: Place, own: SeenRun | None) -> tuple[Reason, ...]:
    """Whom an environment that takes one change at a time is busy with, whatever application that is."""
    if own is None or own.is_asking or own.planned_for:
        return ()
    there = [run for run in find_promotions() if run.parameters.get("environment") == place.environment]
    reasons = (
        Reason(
            f"{place.environment} is changed by one promotion at a time, and {run.name} is before it: {run.url}",
            "of the one before",
            f"it goes on by itself when that one has ended; `tidegate why {run.run_id}` says what that waits for",
        )
        for run in there
        if run.is_before(own)
    )
    # A release is among them once for each of its members.
    return tuple(dict.fromkeys(reasons))
