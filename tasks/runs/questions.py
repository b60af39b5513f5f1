"""What a promotion makes of an answer that was handed to it: it goes on, or asks anew and says why."""

import json
import time
from itertools import dropwhile
from uuid import UUID

from prefect import State, task
from prefect.client.orchestration import SyncPrefectClient, get_client

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
            # Its history, because somebody else may have answered the next question before we look.
            states = sorted(client.read_flow_run_states(UUID(run_id)), key=lambda state: state.timestamp)
            asked = dropwhile(lambda state: state.state_details.pause_key != key, states)
            after = [state for state in asked if state.state_details.pause_key != key]
            anew = next((state for state in after if state.state_details.pause_key), None)
            if anew is not None and (page := _page(client, run_id, anew)):
                return not_counted(page)
            if any(state.is_final() for state in after):
                return ""
            time.sleep(_PAUSE_SECONDS)
    return ""


def _page(client: SyncPrefectClient, run_id: str, asked: State) -> str:
    """What was shown at this question; empty where the run waits, but has not shown its form yet."""
    keys = asked.state_details.run_input_keyset
    kept = client.read_flow_run_input(UUID(run_id), keys["description"]) if keys else ""
    return str(json.loads(kept)) if kept else ""
