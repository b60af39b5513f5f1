"""Asks a person: pauses the run until the form has been answered; tasks.domain.approval.decision judges the answer."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

from prefect import State
from prefect.client.orchestration import get_client
from prefect.exceptions import FlowPauseTimeout
from prefect.flow_runs import pause_flow_run, suspend_flow_run
from prefect.input import RunInput
from prefect.runtime import flow_run
from prefect.states import Running
from pydantic import Field, SecretStr, ValidationError, create_model

from tasks.domain.approval.decision import Expired
from tasks.domain.delivery.approval import ApprovalPolicy, Identity

POLL_SECONDS = 2
# A code has six digits; what a signed answer from elsewhere carries is longer.
_LONGEST_CODE = 500


@dataclass(frozen=True, slots=True)
class Reply:
    """What was filled into the form; `code` proves the name."""

    decision: Literal["approve", "reject"]
    approver: str
    comment: str
    code: SecretStr
    answered_at: datetime


@dataclass(frozen=True, slots=True)
class NoReply:
    """The run went on although nobody has filled in the form."""

    reason: str


def question_id(run_id: str, key: str) -> str:
    """What one question of one run is called, wherever an answer is bound to it."""
    return f"{run_id}:{key}"


def asked_since(run_id: str, key: str) -> datetime | None:
    """When this question was put; None where it was not yet. A run that was suspended has put it before."""
    return next((state.timestamp for state in _states(run_id) if state.state_details.pause_key == key), None)


def has_asked(run_id: str) -> bool:
    """Whether the run has put any question."""
    return any(state.state_details.pause_key for state in _states(run_id))


def ask(policy: ApprovalPolicy, description: str, *, key: str, timeout_seconds: int) -> Reply | NoReply | Expired:
    """Pause or suspend the flow run until the form is answered, or nobody has answered in `timeout_seconds`.

    `key` has to be new for each question of a run and each of its retries: Prefect keeps the form's schema under it and
    refuses a second one. A suspended run begins anew when it is answered: this gives the answers of its earlier
    questions at once, and leaves the flow (Prefect's Pause) where there is none yet. A run that is set to go on without
    the form has to be asked again: nobody has decided.
    """
    form = approval_form(policy).with_initial_data(description=description)
    try:
        filled: Any
        if policy.wait == "suspend":
            filled = suspend_flow_run(wait_for_input=form, timeout=timeout_seconds, key=key)
        else:
            filled = pause_flow_run(wait_for_input=form, timeout=timeout_seconds, poll_interval=POLL_SECONDS, key=key)
    except FlowPauseTimeout:
        _leave_the_pause()
        return Expired("nobody decided in time; start the promotion again to ask anew")
    except ValidationError:
        return NoReply("the run was resumed without the form; nobody has decided")
    code = SecretStr(getattr(filled, "code", ""))
    return Reply(filled.decision, filled.approver, filled.comment, code, _answered_at(key))


def _leave_the_pause() -> None:
    """Let this run end in its own words: what has been paused for too long only fails, in the server's."""
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(UUID(str(flow_run.id)))
        if run.state and (run.state.is_paused() or run.state.is_failed()):
            client.set_flow_run_state(run.id, Running(), force=True)


def _answered_at(key: str) -> datetime:
    """When the run left that pause, by the server's clock: a code is right at that time, however late we look."""
    states = _states(str(flow_run.id))
    asked = next((n for n, state in enumerate(states) if state.state_details.pause_key == key), len(states))
    return next((state.timestamp for state in states[asked + 1 :]), datetime.now(UTC))


def _states(run_id: str) -> list[State]:
    with get_client(sync_client=True) as client:
        states = client.read_flow_run_states(UUID(run_id))
    return sorted(states, key=lambda state: state.timestamp)


def approval_form(policy: ApprovalPolicy) -> type[RunInput]:
    """The form; its decision has no default, so that a run forced to go on never counts as approved.

    All limits stand in its JSON schema: Prefect's server refuses what breaks them, and the form stays open.
    """
    decision = Field(
        title="Decision",
        description="approve: all that stands above is confirmed once more, then written."
        # In Prefect's older UI a click on the field itself closes the list again at once.
        " reject: nothing is changed. The arrow at the right opens the list.",
    )
    name = Field(title="Your name", description=_about_the_name(policy), min_length=1, max_length=100)
    comment = Field(default="", title="Comment", description="Kept with how this promotion ends.", max_length=500)
    fields: dict[str, Any] = {"decision": (Literal["approve", "reject"], decision), "approver": (str, name)}
    if Identity.CLAIMED not in policy.identity:
        title, text = _about_the_code(policy)
        fields["code"] = (str, Field(default="", title=title, description=text, max_length=_LONGEST_CODE))
    return create_model("ApprovalForm", __base__=RunInput, **fields, comment=(str, comment))


def _about_the_name(policy: ApprovalPolicy) -> str:
    if Identity.CLAIMED in policy.identity:
        return "Nothing proves it, and the record will say so."
    if Identity.ONE_TIME_CODE in policy.identity:
        return "As you are enrolled with `tidegate approver add`; the code proves it."
    return "To reject, any name will do."


def _about_the_code(policy: ApprovalPolicy) -> tuple[str, str]:
    if Identity.ONE_TIME_CODE in policy.identity:
        text = "The six digits that your authenticator shows now. They count once. Not needed to reject."
        return "One-time code", text
    where = {Identity.GITHUB: "with the comment /approve on GitHub", Identity.PROXY: "on the approval page"}
    ways = " or ".join(words for proof, words in where.items() if proof in policy.identity)
    return "Identity", f"Leave it empty: approve {ways}. Here you can only reject."
