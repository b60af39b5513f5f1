"""What a promotion makes of an answer that was handed to it: it goes on, or asks anew and says why."""

import json
import time
from uuid import UUID

from prefect import task
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun

from tasks.domain.approval.question import not_counted

_PAUSE_SECONDS = 1.0


@task(task_run_name="see what became of {question}", retries=3, retry_delay_seconds=2)
def find_objection(question: str, *, seconds: float) -> str:
    """Why the promotion did not count the answer to this question; empty where it did, or did not say so in time.

    `question` is the run's id and the question's key, with a colon between them.
    """
    run_id, _, key = question.partition(":")
    deadline = time.monotonic() + seconds
    with get_client(sync_client=True) as client:
        while time.monotonic() < deadline:
            run = client.read_flow_run(UUID(run_id))
            if run.state is None or run.state.is_final():
                return ""
            asks_anew = run.state.is_paused() and run.state.state_details.pause_key != key
            if asks_anew and (page := _page(client, run)):
                return not_counted(page)
            time.sleep(_PAUSE_SECONDS)
    return ""


def _page(client: SyncPrefectClient, run: FlowRun) -> str:
    """The new question's; empty where the run waits, but has not shown its form yet."""
    keys = run.state.state_details.run_input_keyset if run.state else None
    kept = client.read_flow_run_input(run.id, keys["description"]) if keys else ""
    return str(json.loads(kept)) if kept else ""
