"""The question as Prefect keeps it: what counts as an answer to it, whether the run waits with a process or without."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from prefect import State, flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment
from prefect.exceptions import FlowPauseTimeout, NotPausedError, Pause
from prefect.flow_engine import run_flow
from prefect.flow_runs import resume_flow_run
from prefect.states import Cancelled, Completed, Running, Scheduled

from tasks.approval.ask import NoReply, Reply, ask, asked_since
from tasks.domain.approval.decision import Expired
from tasks.domain.delivery.approval import ApprovalPolicy, Identity

NAME = "asks-in-a-test"
PATIENCE_SECONDS = 60


@flow(name=NAME)
def asking(wait: str, questions: int = 1, timeout_seconds: int = 600, identity: str = "claimed") -> State:
    """Asks so many questions, and ends with all that was said."""
    said = []
    policy = ApprovalPolicy(wait=wait, identity=(Identity(identity),))  # type: ignore[arg-type]
    for number in range(1, questions + 1):
        reply = ask(policy, f"Question *{number}*", key=f"q-{number}", timeout_seconds=timeout_seconds)
        match reply:
            case Reply():
                said.append(f"{reply.decision} by {reply.approver} {reply.code.get_secret_value()}".strip())
            case NoReply():
                said.append("nobody")
            case Expired():
                return Cancelled(name="Expired", message="; ".join([*said, "expired"]))
    return Completed(name="Said", message="; ".join(said))


@pytest.fixture(scope="module")
def start(prefect_server: str) -> Iterator[Callable[..., "Asked"]]:
    with get_client(sync_client=True) as client:
        client.create_deployment(client.create_flow(asking), name=NAME)
    opened: list[Asked] = []

    def starting(**parameters: Any) -> "Asked":
        run = run_deployment(f"{NAME}/{NAME}", parameters=parameters, timeout=0, as_subflow=False)
        opened.append(Asked(run.id))
        return opened[-1]

    yield starting
    for asked in opened:
        asked.join()


@pytest.fixture(params=["pause", "suspend"])
def wait(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class Asked:
    """A run, worked on as a worker does: in a thread, and in another one after each suspension."""

    def __init__(self, run_id: UUID) -> None:
        self.run_id = run_id
        self._threads: list[threading.Thread] = []
        self._begun: set[UUID | None] = set()

    def look(self) -> FlowRun:
        with get_client(sync_client=True) as client:
            run = client.read_flow_run(self.run_id)
        if run.state and run.state.is_scheduled() and run.state_id not in self._begun:
            self._begun.add(run.state_id)
            work = {"flow_run": run, "parameters": run.parameters, "return_type": "state"}
            self._threads.append(threading.Thread(target=self._work, kwargs=work))
            self._threads[-1].start()
        return run

    @staticmethod
    def _work(**work: Any) -> None:
        # A run that is suspended leaves its process, or here its thread, by this.
        with suppress(Pause):
            run_flow(asking, **work)

    def wait_for(self, wanted: Callable[[State], bool]) -> State:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            state = self.look().state
            if state and wanted(state):
                return state
            time.sleep(0.05)
        raise AssertionError(f"still {state.name if state else 'nothing'}: {state.message if state else ''}")

    def waits_at(self, key: str) -> State:
        state = self.wait_for(lambda state: state.is_final() or state.state_details.pause_key == key)
        assert not state.is_final(), state.message
        # The form is there a moment after the state.
        with get_client(sync_client=True) as client:
            for _ in range(100):
                if client.read_flow_run_input(self.run_id, state.state_details.run_input_keyset["schema"]):
                    break
                time.sleep(0.05)
        return state

    def ended(self) -> str:
        self.wait_for(lambda state: state.is_final())
        self.join()
        return self.look().state.message or ""

    def answer(self, **fields: str) -> None:
        resume_flow_run(self.run_id, run_input={"decision": "approve", "approver": "ada"} | fields)

    def force(self) -> None:
        """Let it go on without the form, as whoever reaches the API can."""
        with get_client(sync_client=True) as client:
            has_process = (client.read_flow_run(self.run_id).state.name or "") == "Paused"
            client.set_flow_run_state(self.run_id, Running() if has_process else Scheduled(), force=True)

    def join(self) -> None:
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)


def test_the_form_is_the_answer(start: Callable[..., Asked], wait: str) -> None:
    asked = start(wait=wait)
    asked.waits_at("q-1")
    asked.answer()
    assert asked.ended() == "approve by ada"


def test_what_was_answered_is_not_asked_again(start: Callable[..., Asked], wait: str) -> None:
    asked = start(wait=wait, questions=3)
    for key, name in (("q-1", "ada"), ("q-2", "ben"), ("q-3", "cleo")):
        asked.waits_at(key)
        asked.answer(approver=name)
    assert asked.ended() == "approve by ada; approve by ben; approve by cleo"


def test_a_run_that_is_forced_to_go_on_has_no_answer_and_goes_on_asking(start: Callable[..., Asked], wait: str) -> None:
    asked = start(wait=wait, questions=2)
    asked.waits_at("q-1")
    asked.force()
    asked.waits_at("q-2")
    asked.answer(decision="reject")
    assert asked.ended() == "nobody; reject by ada"


@pytest.mark.parametrize(
    "useless",
    [
        None,
        {},
        {"approver": "ada"},
        {"decision": "approve"},
        {"decision": "yes", "approver": "ada"},
        {"decision": "approve", "approver": ""},
        {"decision": "approve", "approver": "ada", "code": "123456"},
        {"decision": "approve", "approver": "ada", "comment": "x" * 501},
    ],
    ids=str,
)
def test_the_server_refuses_what_is_not_the_form_and_goes_on_waiting(
    waiting: Asked, useless: dict[str, str] | None
) -> None:
    with pytest.raises(RuntimeError, match="Cannot resume this run"):
        resume_flow_run(waiting.run_id, run_input=useless)
    assert waiting.look().state.is_paused()


@pytest.fixture(scope="module", params=["pause", "suspend"])
def waiting(request: pytest.FixtureRequest, start: Callable[..., Asked]) -> Iterator[Asked]:
    asked = start(wait=request.param)
    asked.waits_at("q-1")
    yield asked
    asked.answer()
    asked.ended()


def test_where_a_proof_is_wanted_the_form_has_a_field_for_it(start: Callable[..., Asked], wait: str) -> None:
    asked = start(wait=wait, identity="one-time-code")
    asked.waits_at("q-1")
    asked.answer(code="123 456")
    assert asked.ended() == "approve by ada 123 456"


def test_nobody_in_time_is_no_approval(start: Callable[..., Asked]) -> None:
    """A paused run says so in its own words; a suspended one has no process that could, and the server ends it."""
    asked = start(wait="pause", timeout_seconds=1)
    assert asked.ended() == "expired"
    assert asked.look().state.name == "Expired"


def test_who_answers_a_suspended_run_too_late_approves_nothing(start: Callable[..., Asked]) -> None:
    """It has no process that could say so: the server ends it, by its own look or at that answer."""
    asked = start(wait="suspend", timeout_seconds=1)
    asked.wait_for(lambda state: state.is_final() or _is_late(state))
    with pytest.raises((FlowPauseTimeout, NotPausedError)):
        asked.answer()
    state = asked.wait_for(lambda state: state.is_final())
    assert (state.is_failed(), "never resumed" in (state.message or "")) == (True, True)
    with pytest.raises(NotPausedError):
        asked.answer()


def _is_late(state: State) -> bool:
    until = state.state_details.pause_timeout
    return until is not None and until < datetime.now(UTC)


def test_the_time_of_an_answer_is_when_it_was_given_not_when_it_is_read(start: Callable[..., Asked]) -> None:
    asked = start(wait="suspend", questions=2)
    since = asked.waits_at("q-1").timestamp
    assert asked_since(str(asked.run_id), "q-1") == since
    assert asked_since(str(asked.run_id), "q-2") is None
    asked.answer()
    asked.waits_at("q-2")
    asked.answer(decision="reject")
    asked.ended()
    assert asked_since(str(asked.run_id), "q-1") == since
