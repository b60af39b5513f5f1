"""An environment back to its last healthy release: a commit to the GitOps repository, confirmed like any rollout."""

from prefect import State, flow
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from flows.places.hold import hold
from flows.places.place import Place, load_place
from flows.promotion.announce import announce
from flows.promotion.confirm import confirm_change
from tasks.domain.errors import DesiredStateConflict
from tasks.domain.feedback.deployment import DeploymentState
from tasks.domain.image import ImageReference
from tasks.domain.promotion.history import Change, quarantined
from tasks.domain.promotion.way_back import NoWayBack, choose_release
from tasks.domain.rollout.verdict import RolloutKind, RolloutVerdict
from tasks.domain.verdict import failed, passed
from tasks.gitops.desired_state import image_at, read_desired_state, read_history, write_image
from tasks.registry.images import has_image, read_image_facts
from tasks.runs.promotions import run_url


@flow(name="roll-back", flow_run_name="{application} in {environment}")
def roll_back(application: str, environment: str, reason: str, to: str = "") -> State:
    """Put an environment back to the last healthy release, or a given one, and quarantine the one that it runs now.

    Args:
        application: The application's name in the delivery configuration, such as shop-api.
        environment: The environment's name in the delivery configuration. It is changed at once: nobody is asked.
        reason: Why, in a sentence; it is kept in the commit and shown to whoever tries to promote that image again.
        to: The application's commit to go back to, at least seven digits; any that the environment ran before and that
            is not in quarantine. Left out: the last healthy release.

    """
    place = load_place(application, environment)
    # Before the wait for the environment: what is taken back is what was there when somebody asked for it.
    desired = read_desired_state(place.gitops, place.env.manifest)
    if desired.image is None or desired.image.digest is None:
        return Failed(name="Refused", message=f"{place.env.manifest.file} names no digest to go back from")
    with hold(environment):
        result = put_back(place, desired.image.digest, reason, to=to)
    if result.verdict.has_passed:
        return Completed(name="Rolled back", message=result.verdict.reason)
    return Failed(message=result.verdict.reason)


def put_back(place: Place, bad_digest: str, reason: str, *, to: str = "") -> RolloutVerdict:
    """Only for the run that holds the environment: write the last healthy image, if the bad one is still there.

    With `to` the image of that commit. Superseded where the bad one is not there any more: nothing is written then.
    """
    previous = find_previous(place, bad_digest, to)
    if isinstance(previous, NoWayBack):
        return RolloutVerdict(failed(previous.reason), RolloutKind.MISSING)
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
    result = confirm_change(place, written.revision, image, commit, is_way_back=True)
    if not result.verdict.has_passed:
        return result
    announce(place, commit, image.digest or "", DeploymentState.SUCCESS, f"Back from {bad_digest[:19]}.")
    restored = passed(f"{place.environment} is back at {image.short_digest} (commit {commit[:7]}), verified.")
    return RolloutVerdict(restored, result.kind, result.evidence)


def find_previous(place: Place, bad_digest: str, to: str = "") -> tuple[ImageReference, str] | NoWayBack:
    """The image to go back to and its commit: the one of the history, or what stood there before."""
    history = read_history(place.gitops, place.application, place.environment)
    chosen = choose_release(history, bad_digest, to)
    if isinstance(chosen, NoWayBack):
        return NoWayBack(f"{place.environment}: {chosen.reason}")
    if chosen is None:
        return _before_all(place, history, bad_digest) or _nothing_earlier(place)
    image = image_at(place.gitops, place.env.manifest, chosen.revision)
    if image is None or image.digest != chosen.digest:
        return _nothing_earlier(place)
    # Without a name nothing but git is asked: a rollback in an emergency depends on as little as possible.
    if to and not has_image(place.registry, place.app.image, chosen.digest):
        return NoWayBack(f"{place.environment}: the image of commit {to[:7]} is not in the registry any more")
    return image, chosen.source_commit


def _nothing_earlier(place: Place) -> NoWayBack:
    return NoWayBack(f"{place.environment} has no earlier healthy release to go back to; promote a good one.")


def _before_all(place: Place, history: tuple[Change, ...], bad_digest: str) -> tuple[ImageReference, str] | None:
    """What stood there before Tidegate came; the image itself says which commit it is."""
    image = image_at(place.gitops, place.env.manifest, f"{history[-1].revision}^") if history else None
    if image is None or image.digest is None or image.digest in {bad_digest, *quarantined(history)}:
        return None
    commit = read_image_facts(place.registry, place.app.image, image.digest).revision
    return (image, commit) if commit else None
