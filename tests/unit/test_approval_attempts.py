"""How many wrong codes lock somebody out, and for how long; and what a sealed answer is worth."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.domain.approval.attempts import LIMITS, locked_until
from tasks.domain.approval.seal import Sealed, is_right, is_sealed, seal
from tasks.domain.delivery.approval import Identity

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ANSWER = Sealed("run:approval-1-1", "approve", "ada", Identity.GITHUB, "fine")


def test_the_fifth_wrong_code_locks_for_the_rest_of_a_quarter_of_an_hour() -> None:
    wrong = [NOW - n * MINUTE for n in range(5)]
    assert locked_until(wrong[1:], NOW) is None
    assert locked_until(wrong, NOW) == NOW + 11 * MINUTE
    assert locked_until(wrong, NOW + 11 * MINUTE) is None


def test_who_guesses_slowly_is_locked_for_the_rest_of_the_day() -> None:
    wrong = [NOW - n * timedelta(hours=1) for n in range(20)]
    assert locked_until(wrong, NOW) == NOW + timedelta(hours=5)


@given(st.lists(st.integers(0, 2 * 24 * 60), max_size=60), st.integers(0, 24 * 60))
def test_nobody_tries_more_often_than_the_limits_allow(moments: list[int], start: int) -> None:
    """Whatever the times at which codes are tried, those that are looked at stay within both limits."""
    looked_at: list[datetime] = []
    for minute in sorted(moments):
        now = NOW + minute * MINUTE
        if locked_until(looked_at, now) is None:
            looked_at.append(now)
    for limit in LIMITS:
        window = [m for m in looked_at if NOW + start * MINUTE <= m < NOW + start * MINUTE + limit.within]
        assert len(window) <= limit.wrong


def test_a_sealed_answer_is_known_again() -> None:
    code = seal(ANSWER, "secret")
    assert is_sealed(code)
    assert is_right(code, ANSWER, "secret")
    assert not is_sealed("123456")
    # A run of an older version may wait for it.
    assert code == "sealed.mmTF3IQb6IK9zb-ncctXfODXqmyNVGiaSIrzlYau7Mc="


@pytest.mark.parametrize(
    "changed",
    [
        {"question": "run:approval-1-2"},
        {"decision": "reject"},
        {"name": "mallory"},
        {"proof": Identity.PROXY},
        {"comment": "fine "},
    ],
)
def test_no_part_of_a_sealed_answer_can_be_changed(changed: dict[str, str]) -> None:
    assert not is_right(seal(ANSWER, "secret"), replace(ANSWER, **changed), "secret")  # type: ignore[arg-type]


@pytest.mark.parametrize("code", ["", "sealed.", "sealed.AAAA", "ß"])
def test_nothing_else_passes_for_a_seal(code: str) -> None:
    assert not is_right(code, ANSWER, "secret")
    assert not is_right(seal(ANSWER, "other"), ANSWER, "secret")
