"""What a promotion does to others: it ends older ones in its place, and once it is verified starts what comes next."""

from prefect import State, get_run_logger
from prefect.runtime import flow_run

from flows.places.place import Place
from flows.promotion.members import begin_release
from flows.promotion.rivals import find_older
from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.errors import DeliveryError
from tasks.domain.promotion.decision import Wait
from tasks.runs.promotions import call_off, run_url, start_promotion, wake


def end_older(place: Place, candidate: ReleaseCandidate) -> None:
    """Let those that still wait, for a person or for their time, see that this candidate takes their place."""
    why = f"superseded by {candidate.name}: {run_url(str(flow_run.id))}"
    for run in find_older(place, candidate):
        # One that cannot be told looks by itself before it writes; it must not stop this promotion.
        (call_off if run.is_scheduled else wake)(run.run_id, why, return_state=True)


def go_on(place: Place, candidate: ReleaseCandidate, ending: State) -> None:
    """Start a run for each environment that needed this one; its ending says where a release still waits for others."""
    for environment in place.delivery.next_environments(place.application, place.environment):
        release = place.delivery.release_of(place.application, environment)
        if release is None:
            start_promotion(place.application, environment, candidate.commit, candidate.digest, parent=str(flow_run.id))
            continue
        said = _go_together(release, environment)
        get_run_logger().info(said)
        ending.message = f"{ending.message} {said}"


def _go_together(release: str, environment: str) -> str:
    try:
        begun = begin_release(release, environment)
    except DeliveryError as problem:
        # This one is verified, whatever is the matter with the others.
        again = f"`tidegate release {release} {environment}` looks again"
        return f"Release {release} was not started in {environment}: {problem}; {again}."
    if isinstance(begun, Wait):
        return f"In {environment} it waits for the rest of its release: {begun.reason}."
    return f"In {environment} it goes with release {release}: {run_url(str(begun))}"
