"""What the Prefect server knows, and is told, of an environment."""

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.events import emit_event
from prefect.exceptions import ObjectNotFound


@task(task_run_name="is {environment} held", cache_policy=NO_CACHE)
def is_held(environment: str) -> bool:
    """Whether a promotion or a rollback holds the environment at this moment."""
    with get_client(sync_client=True) as client:
        try:
            return client.read_global_concurrency_limit_by_name(f"environment:{environment}").active_slots > 0
        except ObjectNotFound:
            return False


@task(task_run_name="announce {event}", cache_policy=NO_CACHE)
def announce(event: str, place: str, sentence: str) -> None:
    """Emit an event that automations can react to; `place` is ENVIRONMENT.APPLICATION."""
    resource = {"prefect.resource.id": f"tidegate.environment.{place}", "prefect.resource.name": place}
    emit_event(event, resource=resource, payload={"message": sentence})
