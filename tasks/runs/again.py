"""Whether a commit's integration was begun before: what an earlier run left outside may then still be on its way."""

from uuid import UUID

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowFilter, FlowFilterName, FlowRunFilter, FlowRunFilterTags


@task(task_run_name="has {commit} been begun before", cache_policy=NO_CACHE, retries=3, retry_delay_seconds=2)
def was_begun_before(commit: str, run: UUID) -> bool:
    """Whether this run is not the commit's first, or not begun for the first time.

    Runs that a person has started in the UI carry no tags, and are not found.
    """
    begun = FlowRunFilter(tags=FlowRunFilterTags(all_=[f"commit:{commit[:7]}"]))
    with get_client(sync_client=True) as client:
        if client.read_flow_run(run).run_count > 1:
            return True
        flow = FlowFilter(name=FlowFilterName(any_=["integrate"]))
        found = client.read_flow_runs(flow_filter=flow, flow_run_filter=begun, limit=20)
    return any(one.id != run and one.parameters.get("commit") == commit for one in found)
