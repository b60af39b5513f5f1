"""How a run ends in the Prefect UI: one named state for each way, with the same sentence as everywhere else."""

from prefect import State
from prefect.states import Cancelled, Completed, Failed

from tasks.domain.approval import Expired, Rejected
from tasks.domain.promotion import Refuse, Superseded, Wait


def end(answer: Refuse | Wait | Superseded | Rejected | Expired) -> State:
    """Red is what a person has to look at; grey is what somebody decided; green needs nothing."""
    match answer:
        case Refuse():
            return Failed(name="Refused", message=answer.reason)
        case Wait():
            return Completed(name="Waiting", message=answer.reason)
        case Superseded():
            return Cancelled(name="Superseded", message=answer.reason)
        case Rejected():
            return Cancelled(name="Rejected", message=answer.reason)
        case Expired():
            return Failed(name="Expired", message=answer.reason)
