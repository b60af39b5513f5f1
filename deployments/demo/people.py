"""Who answers in the demo, and how each proves who they are."""

import re
from collections.abc import Callable
from typing import Literal

import pyotp
from prefect.flow_runs import resume_flow_run
from pydantic import SecretStr

from blocks.approvers import Approver
from deployments.answers import give_verified_answer, read_question
from deployments.demo.timeline import Run
from deployments.sandbox.world import World
from tasks.approval.people import block_name, find_approver
from tasks.domain.delivery.approval import Identity

Decision = Literal["approve", "reject"]
# Gives the answer, and tells what was done.
Answering = Callable[[Run, Decision], str]
_APPROVAL = re.compile(r"( +)approval:\n")
_POLICY = "required: 2", "identity: [one-time-code, github]", "approvers: [Ada Lovelace, grace]"


def as_robin(waiting: Run, decision: Decision) -> str:
    """The form, with nothing that proves the name."""
    answer = {"decision": decision, "approver": "Robin Reviewer", "comment": "answered in the demo"}
    resume_flow_run(waiting.run_id, run_input=answer)
    return f"Answered '{decision}' as Robin Reviewer, with the same form"


def with_a_code(waiting: Run, decision: Decision) -> str:
    """The form, with the code of Ada's authenticator."""
    code = pyotp.TOTP(_enrolled("Ada Lovelace").secret.get_secret_value()).now()
    answer = {"decision": decision, "approver": "Ada Lovelace", "comment": "answered in the demo", "code": code}
    resume_flow_run(waiting.run_id, run_input=answer)
    return f"Answered '{decision}' as Ada Lovelace, with the code of her authenticator"


def on_github(waiting: Run, decision: Decision) -> str:
    """What the webhook does with the comment of an account at GitHub."""
    give_verified_answer(read_question(waiting.run_id), decision, "grace", "answered in the demo", Identity.GITHUB)
    return f"Answered '{decision}' as grace, whose account GitHub vouches for"


def ask_for_two(world: World) -> str:
    """Have production ask for two people who prove who they are, and enrol one of them."""
    text = world.delivery_file.read_text()
    begin = _APPROVAL.search(text)
    if begin is None:
        raise ValueError("the sample has changed: no environment asks for an approval")
    lines = "".join(f"{begin[1]}  {line}\n" for line in _POLICY)
    world.delivery_file.write_text(text[: begin.end()] + lines + text[begin.end() :])
    codes = pyotp.TOTP(_enrolled("Ada Lovelace").secret.get_secret_value())
    address = codes.provisioning_uri(name="Ada Lovelace", issuer_name="Tidegate")
    return f"Production asks for two people. Ada Lovelace is enrolled; for an authenticator of yours: {address}"


def _enrolled(name: str) -> Approver:
    known = find_approver.fn(name)
    if known is None:
        known = Approver(name=name, secret=SecretStr(pyotp.random_base32()))
        known.save(block_name(name))
    return known
