"""Lets GitHub show promotions under the repository's environments; that it cannot changes no promotion."""

from prefect import get_run_logger
from prefect.runtime import flow_run

from flows.places.place import Place
from tasks.domain.feedback.deployment import DeploymentNote, DeploymentState
from tasks.github.deployments import tell_deployment
from tasks.runs.promotions import run_url


def announce(place: Place, commit: str, digest: str, state: DeploymentState, said: str) -> None:
    """What the environment runs, or is about to; a failure is logged."""
    note = DeploymentNote(
        application=place.application,
        environment=place.environment,
        commit=commit,
        digest=digest,
        run_id=str(flow_run.id),
        run_url=run_url(str(flow_run.id)),
        environment_url=place.env.url,
        is_last=not place.delivery.next_environments(place.application, place.environment),
    )
    told = tell_deployment(place.github, place.app.repository, note, state, said, return_state=True)
    if not told.is_completed():
        get_run_logger().warning("GitHub does not show this promotion: %s", told.message)
