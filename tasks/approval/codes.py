"""One-time codes (RFC 6238): whether a code is right, was used before, or may be tried at all.

What was tried and what was used stands in Prefect variables, one each: the server
makes a variable of one name only once, which no two processes can get around.
"""

import hashlib
import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pyotp
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import VariableCreate, VariableUpdate
from prefect.client.schemas.objects import Variable
from prefect.exceptions import ObjectAlreadyExists
from pydantic import SecretStr

from blocks.approvers import Approver
from tasks.approval.people import block_name, find_approver
from tasks.domain.approval.attempts import LONGEST, locked_until
from tasks.retry import outside_task

# So many time steps may a clock be off, in both directions; a step is 30 seconds.
_SKEW = 1
_CODE = re.compile(r"[0-9]{6}")
# As many variables as the server lists at once.
_LISTED = 200
_KEPT = timedelta(days=30)
_OPEN, _ACCEPTED, _WRONG, _LOCKED = "open", "accepted", "wrong", "locked"


@dataclass(frozen=True, slots=True)
class CodeCheck:
    """Whose code it is; `flaw` says why it does not count, and is empty where it does."""

    approver: Approver | None
    flaw: str = ""


@outside_task("check the code of {name}")
def check_code(name: str, code: SecretStr, question: str, answered_at: datetime) -> CodeCheck:
    """Whether the code was that of the person of this name at this time, and has not been used for another question.

    Asked again for the same question, it says the same. A wrong code counts against the limit before it is looked at,
    so that no two processes can try more together than one alone.
    """
    approver = find_approver.fn(name)
    if approver is None:
        return CodeCheck(None, f"nobody is enrolled as {name}; `tidegate approver add` does it")
    digits = "".join(code.get_secret_value().split())
    if not _CODE.fullmatch(digits):
        return CodeCheck(approver, f"an approval by {approver.name} needs the six digits of their authenticator")
    with get_client(sync_client=True) as client:
        return CodeCheck(approver, _check(client, approver, digits, question, answered_at))


def _check(client: SyncPrefectClient, approver: Approver, digits: str, question: str, now: datetime) -> str:
    """The flaw, or nothing."""
    person = block_name(approver.name)
    attempt = f"tidegate_attempt_{person}_{hashlib.sha256(question.encode()).hexdigest()[:24]}"
    earlier = _create(client, attempt, {"outcome": _OPEN, "at": now.isoformat()})
    if earlier is not None and earlier["outcome"] != _OPEN:
        return str(earlier["flaw"])
    others = [one for one in _list(client, f"tidegate_attempt_{person}_") if one.name != attempt]
    flaw, outcome = "", _ACCEPTED
    until = locked_until([_at(one) for one in others if _value(one)["outcome"] in (_OPEN, _WRONG)], now)
    if until or len(others) >= _LISTED - 1:
        end = f"until {until:%H:%M} UTC" if until else "for now"
        outcome, flaw = _LOCKED, f"too many wrong codes were given for {approver.name}; no code counts {end}"
    else:
        flaw = _use(client, approver, digits, question, now)
        outcome = _WRONG if flaw else _ACCEPTED
    value = {"outcome": outcome, "at": now.isoformat(), "flaw": flaw}
    client.update_variable(VariableUpdate(name=attempt, value=value))
    _forget(client, person, others)
    return flaw


def _use(client: SyncPrefectClient, approver: Approver, digits: str, question: str, now: datetime) -> str:
    """Take the code, which no other question can do after that."""
    step = _step_of(approver, digits, now)
    if step is None:
        return f"that is not the code that {approver.name}'s authenticator shows"
    name = f"tidegate_code_{block_name(approver.name)}_{step}"
    used = _create(client, name, {"question": question, "at": now.isoformat()})
    if used is not None and used["question"] != question:
        return f"this code of {approver.name} has been used before; wait for the next one"
    return ""


def _step_of(approver: Approver, digits: str, now: datetime) -> int | None:
    one_time = pyotp.TOTP(approver.secret.get_secret_value())
    current = one_time.timecode(now)
    steps = range(current - _SKEW, current + _SKEW + 1)
    # All are compared, so that the time does not tell which one was near.
    fits = [hmac.compare_digest(one_time.generate_otp(step), digits) for step in steps]
    return next((step for step, does_fit in zip(steps, fits, strict=True) if does_fit), None)


def _create(client: SyncPrefectClient, name: str, value: dict[str, Any]) -> dict[str, Any] | None:
    """Make the variable; where it is there already, what it holds."""
    try:
        client.create_variable(VariableCreate(name=name, value=value))
    except ObjectAlreadyExists:
        there = client.read_variable_by_name(name)
        return _value(there) if there else value
    return None


def _list(client: SyncPrefectClient, beginning: str) -> list[Variable]:
    """The newest of the variables whose names begin so."""
    wanted = {"variables": {"name": {"like_": beginning}}, "sort": "CREATED_DESC", "limit": _LISTED}
    found = [Variable.model_validate(one) for one in client.request("POST", "/variables/filter", json=wanted).json()]
    return [one for one in found if one.name.startswith(beginning)]


def _forget(client: SyncPrefectClient, person: str, attempts: list[Variable]) -> None:
    """Delete what cannot matter any more."""
    for one in _outdated(attempts + _list(client, f"tidegate_code_{person}_")):
        client.delete_variable_by_name(one.name)


def _outdated(variables: list[Variable]) -> Iterator[Variable]:
    now = datetime.now(UTC)
    for one in variables:
        is_failure = _value(one).get("outcome") in (_WRONG, _LOCKED)
        if now - _at(one) > (2 * LONGEST if is_failure else _KEPT):
            yield one


def _at(variable: Variable) -> datetime:
    return datetime.fromisoformat(_value(variable)["at"])


def _value(variable: Variable) -> dict[str, Any]:
    return variable.value if isinstance(variable.value, dict) else {}
