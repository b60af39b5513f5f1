"""An environment back to its last healthy release: a commit to the GitOps repository, confirmed like any rollout."""

from prefect import State, flow
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from flows.confirm import confirm_change
from flows.hold import hold
from flows.place import Place, load_place
from tasks.domain.errors import DesiredStateConflict
from tasks.domain.image import ImageReference
from tasks.domain.promotion.history import Change, last_healthy_before, quarantined
from tasks.domain.rollout.verdict import RolloutKind, RolloutVerdict
from tasks.domain.verdict import failed, passed
from tasks.gitops import image_at, read_desired_state, read_history, write_image
from tasks.registry import read_image_facts
from tasks.runs import run_url


@flow(name="roll-back", flow_run_name="{application} in {environment}")
def roll_back(application: str, environment: str, reason: str) -> State:
    """Put an environment back to the last healthy release and quarantine the one that it runs now.

    Args:
        application: The application's name in the delivery configuration, such as shop-api.
        environment: The environment's name in the delivery configuration. It is changed at once: nobody is asked.
        reason: Why, in a sentence; it is kept in the commit and shown to whoever tries to promote that image again.

    """
    place = load_place(application, environment)
    # Before the wait for the environment: what is taken back is what was there when somebody asked for it.
    desired = read_desired_state(place.gitops, place.env.manifest)
    if desired.image is None or desired.image.digest is None:
        return Failed(name="Refused", message=f"{place.env.manifest.file} names no digest to go back from")
    with hold(environment):
        result = put_back(place, desired.image.digest, reason)
    if result.verdict.has_passed:
        return Completed(name="Rolled back", message=result.verdict.reason)
    return Failed(message=result.verdict.reason)


def put_back(place: Place, bad_digest: str, reason: str) -> RolloutVerdict:
    """Only for the run that holds the environment: write the last healthy image, if the bad one is still there.

    Superseded where it is not there any more: nothing is written then.
    """
    previous = find_previous(place, bad_digest)
    if previous is None:
        verdict = failed(f"{place.environment} has no earlier healthy release to go back to; promote a good one.")
        return RolloutVerdict(verdict, RolloutKind.MISSING)
    image, commit = previous
    change = Change(
        application=place.application,
        environment=place.environment,
        digest=image.digest or "",
        source_commit=commit,
        rollback_of=bad_digest,
        reason=reason,
        run=run_url(str(flow_run.id)),
    )
    try:
        written = write_image(place.gitops, place.env.manifest, image, change, expected_digest=bad_digest)
    except DesiredStateConflict as conflict:
        return RolloutVerdict(failed(str(conflict)), RolloutKind.SUPERSEDED)
    result = confirm_change(place, written.revision, image, commit)
    if not result.verdict.has_passed:
        return result
    restored = passed(f"{place.environment} is back at {image.short_digest} (commit {commit[:7]}), verified.")
    return RolloutVerdict(restored, result.kind, result.evidence)


def find_previous(place: Place, bad_digest: str) -> tuple[ImageReference, str] | None:
    """The image to go back to and its commit: the last healthy one of the history, or what stood there before."""
    history = read_history(place.gitops, place.application, place.environment)
    if known := last_healthy_before(history, bad_digest):
        image = image_at(place.gitops, place.env.manifest, known.revision)
        return (image, known.source_commit) if image and image.digest == known.digest else None
    return _before_all(place, history, bad_digest)


def _before_all(place: Place, history: tuple[Change, ...], bad_digest: str) -> tuple[ImageReference, str] | None:
    """What stood there before Tidegate came; the image itself says which commit it is."""
    image = image_at(place.gitops, place.env.manifest, f"{history[-1].revision}^") if history else None
    if image is None or image.digest is None or image.digest in {bad_digest, *quarantined(history)}:
        return None
    commit = read_image_facts(place.registry, place.app.image, image.digest).revision
    return (image, commit) if commit else None
