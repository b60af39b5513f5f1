"""What a promotion replaces, and whether it worked: what did not work is nothing to go back to later."""

from datetime import UTC, datetime, timedelta

from flows.places.everywhere import confirm_everywhere
from flows.places.place import Place
from tasks.domain.promotion.history import change_with
from tasks.gitops.desired_state import read_desired_state, read_history


def replaced_unhealthy(place: Place, digest: str) -> str | None:
    """The digest that gives way to this one, where the environment does not run it well at this moment.

    What only moves counts as well while it is younger than a rollout may take: it was never confirmed.
    """
    desired = read_desired_state(place.gitops, place.env.manifest)
    if desired.image is None or desired.image.digest in {None, digest}:
        return None
    verdict = confirm_everywhere(place, desired.image)
    if verdict.has_passed:
        return None
    if verdict.has_failed:
        return desired.image.digest
    history = read_history(place.gitops, place.application, place.environment)
    written = change_with(history, desired.image.digest or "")
    longest = timedelta(seconds=place.env.rollout.healthy_seconds)
    is_young = written is not None and written.when is not None and datetime.now(UTC) - written.when < longest
    return desired.image.digest if is_young else None
