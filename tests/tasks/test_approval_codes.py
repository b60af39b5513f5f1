"""One-time codes count once, for one question, and not after too many wrong ones; on a real Prefect server."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count

import pyotp
import pytest
from prefect.client.orchestration import get_client
from prefect.logging import disable_run_logger
from pydantic import SecretStr

from blocks.approvers import Approver
from tasks.approval.codes import check_code
from tasks.approval.people import block_name, find_approver, list_approvers

NOW = datetime.now(UTC)
NUMBERS = count(1)


@pytest.fixture(autouse=True)
def _without_a_run(prefect_server: str) -> Iterator[None]:
    with disable_run_logger():
        yield


@pytest.fixture
def ada() -> Iterator[Approver]:
    """Another person in each test: what was tried stays on the server."""
    number = next(NUMBERS)
    approver = Approver(
        name=f"Ada No{number}",
        github_login=f"ada-{number}",
        email=f"ada{number}@example.org",
        secret=SecretStr(pyotp.random_base32()),
    )
    approver.save(block_name(approver.name))
    yield approver
    with get_client(sync_client=True) as client:
        slug = Approver.get_block_type_slug()
        client.delete_block_document(client.read_block_document_by_name(block_name(approver.name), slug).id)


def code(approver: Approver, at: datetime = NOW) -> str:
    return pyotp.TOTP(approver.secret.get_secret_value()).at(at)


def wrong(approver: Approver) -> str:
    near = {code(approver, NOW + timedelta(seconds=30 * step)) for step in range(-3, 4)}
    return next(f"{number:06}" for number in range(10) if f"{number:06}" not in near)


def flaw(approver: Approver, digits: str, question: str, at: datetime = NOW) -> str:
    return check_code.fn(approver.name, SecretStr(digits), question, at).flaw


def test_the_code_of_now_and_of_the_steps_beside_it_is_right(ada: Approver) -> None:
    assert flaw(ada, code(ada), "a") == ""
    assert flaw(ada, code(ada, NOW - timedelta(seconds=30)), "b") == ""
    assert flaw(ada, f" {code(ada, NOW + timedelta(seconds=30))} ", "c") == ""
    assert "not the code" in flaw(ada, code(ada, NOW - timedelta(seconds=90)), "d")


@pytest.mark.parametrize("of", [0, 1, 2], ids=["name", "login", "address"])
def test_a_person_is_found_by_any_of_their_names(ada: Approver, of: int) -> None:
    name = (ada.name, ada.github_login, ada.email)[of].upper()
    found = check_code.fn(name, SecretStr(code(ada)), "a", NOW)
    assert (found.approver, found.flaw) == (ada, "")


def test_a_code_counts_for_one_question_only_and_for_that_as_often_as_it_is_looked_at(ada: Approver) -> None:
    assert [flaw(ada, code(ada), "a") for _ in range(2)] == ["", ""]
    assert "has been used before" in flaw(ada, code(ada), "b")
    # Long after, when a suspended run looks at its earlier answers again.
    assert flaw(ada, code(ada), "a", NOW + timedelta(hours=2)) == ""


def test_of_many_who_use_a_code_at_once_one_succeeds(ada: Approver) -> None:
    with ThreadPoolExecutor(4) as pool:
        flaws = list(pool.map(lambda question: flaw(ada, code(ada), question), "abcd"))
    assert flaws.count("") == 1


def test_after_five_wrong_codes_the_right_one_does_not_count_for_a_while(ada: Approver) -> None:
    assert all("not the code" in flaw(ada, wrong(ada), f"wrong {n}") for n in range(5))
    locked = flaw(ada, code(ada), "right")
    assert locked.startswith(f"too many wrong codes were given for {ada.name}; no code counts until ")
    later = NOW + timedelta(minutes=16)
    assert flaw(ada, code(ada, later), "later", later) == ""


def test_looking_at_a_wrong_code_again_is_not_another_attempt(ada: Approver) -> None:
    assert all("not the code" in flaw(ada, wrong(ada), "the same") for _ in range(9))
    assert flaw(ada, code(ada), "right") == ""


def test_codes_of_one_person_do_not_lock_another(ada: Approver) -> None:
    for n in range(6):
        flaw(ada, wrong(ada), f"wrong {n}")
    longer = Approver(name=f"{ada.name} L", secret=SecretStr(pyotp.random_base32()))
    longer.save(block_name(longer.name))
    assert flaw(longer, code(longer), "right") == ""


@pytest.mark.parametrize("digits", ["", "12345", "1234567", "abcdef", "".join(chr(0xFF10 + n) for n in range(6))])
def test_what_is_no_code_is_not_even_tried(ada: Approver, digits: str) -> None:
    assert "needs the six digits" in flaw(ada, digits, "a")


def test_nobody_else_has_a_code() -> None:
    assert check_code.fn("Mallory", SecretStr("123456"), "a", NOW).flaw == (
        "nobody is enrolled as Mallory; `tidegate approver add` does it"
    )


def test_no_secret_and_no_code_stands_on_the_server_in_the_clear(ada: Approver) -> None:
    assert flaw(ada, code(ada), "a") == ""
    with get_client(sync_client=True) as client:
        variables = client.request("POST", "/variables/filter", json={}).text
    assert code(ada) not in variables
    assert ada.secret.get_secret_value() not in repr(list_approvers())
    assert find_approver.fn("nobody") is None
