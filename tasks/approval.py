"""Asks a person: pauses the run until the form has been answered; tasks.domain.approval.decision judges the answer."""

from datetime import UTC, datetime
from typing import Literal

from prefect.exceptions import FlowPauseTimeout
from prefect.flow_runs import pause_flow_run
from prefect.input import RunInput
from pydantic import Field, ValidationError

from tasks.domain.approval.decision import Answer, AskAgain, Expired

POLL_SECONDS = 2


class ApprovalForm(RunInput):
    """The decision; without a default anywhere, so that a run forced to go on never counts as approved."""

    decision: Literal["approve", "reject"] = Field(
        title="Decision",
        description="approve: all that stands above is confirmed once more, then written."
        # In Prefect's older UI a click on the field itself closes the list again at once.
        " reject: nothing is changed. The arrow at the right opens the list.",
    )
    approver: str = Field(
        title="Your name", description="Nothing proves it, and the record will say so.", min_length=1, max_length=100
    )
    comment: str = Field(default="", title="Comment", description="Kept with how this promotion ends.", max_length=500)


def ask(description: str, *, key: str, timeout_seconds: int) -> Answer | AskAgain | Expired:
    """Pause the flow run until the form is answered, or nobody has answered in `timeout_seconds`.

    `key` has to be new for each question of a run and each of its retries: Prefect keeps the form's schema under it and
    refuses a second one. A run that is set to go on without the form has to be asked again: nobody has decided.
    """
    form = ApprovalForm.with_initial_data(description=description)
    try:
        answer = pause_flow_run(wait_for_input=form, timeout=timeout_seconds, poll_interval=POLL_SECONDS, key=key)
    except FlowPauseTimeout:
        return Expired("nobody decided in time; start the promotion again to ask anew")
    except ValidationError:
        return AskAgain("the run was resumed without the form; nobody has decided")
    return Answer(answer.decision, answer.approver, answer.comment, datetime.now(UTC))
