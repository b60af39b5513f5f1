"""Looks again at everything that was verified, so that people hear of what broke before somebody promotes it further.

Nothing depends on this: a promotion asks the environments that it needs by itself.
"""

from prefect import State, flow, get_run_logger
from prefect.states import Completed, Failed

from flows.places.place import Place, load_place
from flows.promotion.lease import confirm_still_verified
from tasks.artifacts import read_table, report_table
from tasks.delivery import read_delivery
from tasks.domain.errors import DeliveryError
from tasks.domain.post_deploy.watch import Watched, changes_between, read_rows, rows_of, sum_up
from tasks.domain.promotion.history import change_with
from tasks.domain.verdict import Verdict, failed, pending
from tasks.gitops.desired_state import read_desired_state, read_history
from tasks.watch import announce, is_held

TOPIC = "watch"


@flow(name="watch")
def watch() -> State:
    """Ask every environment whether what it was verified for still holds; what changed since the last time is told."""
    before = read_rows(read_table(TOPIC))
    delivery = read_delivery()
    now = tuple(
        Watched(application, environment, _look(application, environment))
        for environment in delivery.order()
        for application in delivery.applications
        if delivery.environments[environment].holds(application)
    )
    for change in changes_between(before, now):
        get_run_logger().warning("%s", change.sentence)
        announce(change.event, f"{change.environment}.{change.application}", change.sentence)
    report_table(TOPIC, rows_of(now, before), sum_up(now))
    if any(each.verdict.has_failed for each in now):
        return Failed(name="Revoked", message=sum_up(now))
    return Completed(message=sum_up(now))


def _look(application: str, environment: str) -> Verdict:
    if is_held(environment):
        return pending("it is being changed by a promotion or a rollback")
    try:
        return _still_verified(load_place(application, environment))
    except DeliveryError as error:
        return failed(f"it cannot be looked at: {error}")


def _still_verified(place: Place) -> Verdict:
    image = read_desired_state(place.gitops, place.env.manifest).image
    if image is None or image.digest is None:
        return pending("nothing was promoted there yet")
    change = change_with(read_history(place.gitops, place.application, place.environment), image.digest)
    if change is None:
        return pending(f"{image.short_digest} was put there by somebody else, and never verified")
    return confirm_still_verified(place, image, change.source_commit)
