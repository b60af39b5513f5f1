"""The members of a release in an environment: which candidate of each goes, and what is decided of all of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from prefect import get_run_logger

from flows.places.place import Place, load_place
from flows.promotion.facts import gather_candidate, gather_facts
from flows.promotion.lease import confirm_still_verified
from tasks.delivery import read_delivery
from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.errors import ConfigurationError
from tasks.domain.image import ImageReference
from tasks.domain.promotion.decision import Decision, Wait, decide_promotion
from tasks.domain.promotion.history import change_with
from tasks.domain.promotion.release import MemberDecision, Pinned, decide_release, find_uneven
from tasks.domain.verdict import Verdict
from tasks.gitops.desired_state import read_desired_state, read_history
from tasks.runs.releases import start_release


@dataclass(frozen=True, slots=True)
class Member:
    """One candidate of those that go together, where it goes to, and what its evidence says."""

    place: Place
    candidate: ReleaseCandidate
    evidence: Verdict


def begin_release(name: str, environment: str, break_glass: str = "") -> UUID | Wait:
    """Start the run for what the environments before run now, or find it; Wait where one of the members is not ready.

    The run itself looks at all that counts; this only keeps back what could not go yet. Raises as load_place and the
    tasks that read.
    """
    delivery = read_delivery()
    candidates: dict[str, str] = {}
    known: list[tuple[ReleaseCandidate, str]] = []
    for application in delivery.release(name, environment).applications:
        place = load_place(application, environment, delivery)
        running = find_running(place.sibling(place.env.needs[0]))
        if running is None:
            return Wait(f"{application}: nothing was promoted to {place.env.needs[0]} yet")
        if missing := _missing(place, running):
            return Wait(f"{application}: {missing}")
        candidates[application] = str(running)
        image = ImageReference(place.image_repository, None, running.digest)
        known.append((ReleaseCandidate(application, running.commit, image), place.app.repository))
    if uneven := find_uneven(known):
        return Wait(uneven)
    return start_release(name, environment, candidates, break_glass=break_glass)


def _missing(place: Place, running: Pinned) -> str | None:
    """Why it is not verified in all the environments before, as they are now."""
    image = ImageReference(place.image_repository, None, running.digest)
    for needed in place.env.needs:
        verdict = confirm_still_verified(place.sibling(needed), image, running.commit)
        if not verdict.has_passed:
            return f"{place.environment} needs {needed}: {verdict.reason}"
    return None


def find_running(place: Place) -> Pinned | None:
    """What the environment is meant to run, with its commit; None where that did not come by a promotion."""
    desired = read_desired_state(place.gitops, place.env.manifest)
    digest = desired.image.digest if desired.image else None
    change = change_with(read_history(place.gitops, place.application, place.environment), digest) if digest else None
    return Pinned(change.source_commit, change.digest) if change else None


def load_members(name: str, environment: str, pinned: Mapping[str, Pinned]) -> tuple[Member, ...]:
    """Raises ConfigurationError where these are not the members of the release, and what gather_candidate raises."""
    delivery = read_delivery()
    wanted = delivery.release(name, environment).applications
    if set(wanted) != set(pinned):
        raise ConfigurationError(
            f"release {name} consists of {', '.join(wanted)}, but candidates are given of {', '.join(pinned)}; start "
            "it again without any: then it takes what the environments before run"
        )
    members = []
    for application in wanted:
        place = load_place(application, environment, delivery)
        candidate, evidence = gather_candidate(place, pinned[application].commit, pinned[application].digest)
        members.append(Member(place, candidate, evidence))
    return tuple(members)


def look_at_all(name: str, environment: str, members: tuple[Member, ...], break_glass: str) -> Decision:
    """Gather the facts of each as they are now, and decide of all of them."""
    decided = []
    for member in members:
        facts = gather_facts(member.place, member.candidate, member.evidence, break_glass, in_release=True)
        decision = decide_promotion(facts)
        decided.append(MemberDecision(member.candidate, member.place.app.repository, decision))
    decision = decide_release(name, environment, decided)
    get_run_logger().info(decision.reason)
    return decision
