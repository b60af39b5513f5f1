"""Finds the promotion that waits for people and hands it an answer, as the form in the Prefect UI does.

The command line, the webhook and the approval page do it here. What an answer is worth is decided by the run itself, in
flows.promotion.approve: nothing here lets anybody do what they may not.
"""

import json
import re
import time
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import FlowPauseTimeout, NotPausedError, ObjectNotFound
from prefect.flow_runs import resume_flow_run

from deployments.approval_seal import read_seal
from tasks.approval.ask import question_id
from tasks.domain.approval.seal import Sealed, seal
from tasks.domain.delivery.approval import Identity
from tasks.domain.errors import ConfigurationError, DeliveryError
from tasks.runs.promotions import find_open_promotions, run_url

Decision = Literal["approve", "reject"]
# A run says that it waits a moment before its form is there.
_TRIES, _PAUSE_SECONDS = 10, 0.3
# Commit messages are other people's: nothing in them may move the cursor or colour the question.
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """What a run asks at this moment; `page` is the decision packet, in Markdown.

    `asks_for_code` says whether a name alone will not do; `takes_code` whether a one-time code will.
    """

    run_id: UUID
    key: str
    name: str
    page: str
    asks_for_code: bool
    takes_code: bool

    @property
    def url(self) -> str:
        """Where the form is."""
        return run_url(str(self.run_id))


def find_question(application: str, environment: str, commit: str = "") -> OpenQuestion:
    """The question of the promotion to this environment that waits; `commit` is the beginning of its SHA.

    Raises DeliveryError where none waits or several do.
    """
    runs = [run for run in find_open_promotions.fn(application, environment) if run.is_waiting]
    found = [run for run in runs if run.commit.startswith(commit)]
    if len(found) == 1:
        return read_question(found[0].run_id)
    if not found:
        raise DeliveryError(f"no promotion of {application} to {environment} waits for an approval")
    listed = ", ".join(f"{run.run_id} ({run.commit[:7]})" for run in found)
    raise DeliveryError(f"several promotions of {application} to {environment} wait: {listed}; name one of these runs")


def read_question(run_id: UUID) -> OpenQuestion:
    """What the run asks; raises DeliveryError where it asks nothing, ConfigurationError where there is no such run."""
    for _ in range(_TRIES):
        with get_client(sync_client=True) as client:
            try:
                run = client.read_flow_run(run_id)
            except ObjectNotFound:
                raise ConfigurationError(f"there is no run {run_id}; look its id up in the Prefect UI") from None
            keys, key = _keys(run)
            schema = client.read_flow_run_input(run_id, keys["schema"])
            page = client.read_flow_run_input(run_id, keys["description"])
        if schema and page:
            code = json.loads(schema)["properties"].get("code")
            takes_code = code is not None and "code" in code["title"]
            return OpenQuestion(run_id, key, run.name, json.loads(page), code is not None, takes_code)
        time.sleep(_PAUSE_SECONDS)
    raise DeliveryError(f"{run.name} waits, but shows no form; look at {run_url(str(run_id))}")


def standing_in_words(question: OpenQuestion) -> str:
    """What the question says above everything else, in one line: who has approved already, and who is missing."""
    above = f"\n{question.page}".partition("\n## ")[0]
    lines = [CONTROL.sub("", line).strip() for line in above.split("\n")]
    return "; ".join(filter(None, lines)).replace("**", "").replace("\\", "")


def give_answer(question: OpenQuestion, decision: Decision, name: str, comment: str, code: str = "") -> None:
    """Fill in the form; raises DeliveryError where it is not there any more, or does not take the answer."""
    fields = {"decision": decision, "approver": name, "comment": comment}
    # Looked at once more: the answer is for this question and not for one that came after it.
    if read_question(question.run_id).key != question.key:
        raise DeliveryError(f"{question.name} has asked anew meanwhile; read the question again")
    try:
        resume_flow_run(question.run_id, run_input=fields | ({"code": code} if question.asks_for_code else {}))
    except (NotPausedError, FlowPauseTimeout):
        raise _gone(question.name) from None
    except RuntimeError as error:
        raise DeliveryError(f"{question.name} does not take the answer: {error}") from None


def give_verified_answer(question: OpenQuestion, decision: Decision, name: str, comment: str, proof: Identity) -> None:
    """Answer for somebody whose name the caller has verified: GitHub's signed webhook, or the proxy's header.

    `name` is the login there. Whether the environment accepts this proof is for the run to say. Raises as give_answer.
    """
    name, comment = name[:100], comment[:500]
    sealed = Sealed(question_id(str(question.run_id), question.key), decision, name, proof, comment)
    give_answer(question, decision, name, comment, seal(sealed, read_seal()))


def what_became_of(question: OpenQuestion, *, patience_seconds: float) -> OpenQuestion | None:
    """The question that the run asks after it has looked at the answer; None where it goes on, or has ended."""
    deadline = time.monotonic() + patience_seconds
    while time.monotonic() < deadline:
        with get_client(sync_client=True) as client:
            run = client.read_flow_run(question.run_id)
        if run.state is None or run.state.is_final():
            return None
        if run.state.is_paused() and run.state.state_details.pause_key != question.key:
            return read_question(question.run_id)
        time.sleep(_PAUSE_SECONDS)
    return None


def _keys(run: FlowRun) -> tuple[dict[str, str], str]:
    state = run.state
    if state is None or not state.is_paused() or not state.state_details.run_input_keyset:
        raise _gone(run.name)
    return state.state_details.run_input_keyset, state.state_details.pause_key or ""


def _gone(name: str) -> DeliveryError:
    return DeliveryError(f"{name} waits for no answer; it may have been answered, or have ended")
