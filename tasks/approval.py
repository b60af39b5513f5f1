"""Asks a person: pauses the run until the form has been answered; tasks.domain.approval.decision judges the answer."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from prefect.exceptions import FlowPauseTimeout
from prefect.flow_runs import pause_flow_run
from prefect.input import RunInput
from pydantic import Field, ValidationError, create_model

from tasks.domain.approval.decision import Expired
from tasks.domain.delivery.approval import ApprovalPolicy, Proof

POLL_SECONDS = 2
# A code has six digits; what a signed answer from elsewhere carries is longer.
_LONGEST_CODE = 500


@dataclass(frozen=True, slots=True)
class Reply:
    """What was filled into the form; `code` proves the name, and must be shown nowhere."""

    decision: Literal["approve", "reject"]
    approver: str
    comment: str
    code: str
    answered_at: datetime

    def __repr__(self) -> str:
        return f"Reply({self.decision} by {self.approver!r})"


@dataclass(frozen=True, slots=True)
class NoReply:
    """The run went on although nobody has filled in the form."""

    reason: str


def ask(policy: ApprovalPolicy, description: str, *, key: str, timeout_seconds: int) -> Reply | NoReply | Expired:
    """Pause the flow run until the form is answered, or nobody has answered in `timeout_seconds`.

    `key` has to be new for each question of a run and each of its retries: Prefect keeps the form's schema under it and
    refuses a second one. A run that is set to go on without the form has to be asked again: nobody has decided.
    """
    form = approval_form(policy).with_initial_data(description=description)
    try:
        filled: Any = pause_flow_run(wait_for_input=form, timeout=timeout_seconds, poll_interval=POLL_SECONDS, key=key)
    except FlowPauseTimeout:
        return Expired("nobody decided in time; start the promotion again to ask anew")
    except ValidationError:
        return NoReply("the run was resumed without the form; nobody has decided")
    code = getattr(filled, "code", "")
    return Reply(filled.decision, filled.approver, filled.comment, code, datetime.now(UTC))


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
    if Proof.CLAIMED not in policy.identity:
        title, text = _about_the_code(policy)
        fields["code"] = (str, Field(default="", title=title, description=text, max_length=_LONGEST_CODE))
    return create_model("ApprovalForm", __base__=RunInput, **fields, comment=(str, comment))


def _about_the_name(policy: ApprovalPolicy) -> str:
    if Proof.CLAIMED in policy.identity:
        return "Nothing proves it, and the record will say so."
    if Proof.ONE_TIME_CODE in policy.identity:
        return "As you are enrolled with `tidegate approver add`; the code proves it."
    return "To reject, any name will do."


def _about_the_code(policy: ApprovalPolicy) -> tuple[str, str]:
    if Proof.ONE_TIME_CODE in policy.identity:
        text = "The six digits that your authenticator shows now. They count once. Not needed to reject."
        return "One-time code", text
    where = {Proof.GITHUB: "with the comment /approve on GitHub", Proof.PROXY: "on the approval page"}
    ways = " or ".join(words for proof, words in where.items() if proof in policy.identity)
    return "Proof", f"Leave it empty: approve {ways}. Here you can only reject."
