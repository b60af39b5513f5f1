"""When an approval that was kept with the image still holds."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.domain.approval.decision import Answer
from tasks.domain.approval.person import Person
from tasks.domain.approval.record import Asked, Held, approval_record, held_approvals
from tasks.domain.delivery.approval import Identity

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ASKED = Asked("shop-api", "production", "c" * 40, "b" * 40)
ADA = Person("Ada", Identity.ONE_TIME_CODE, frozenset({"ada-l", "ada@example.org"}), login="ada-l")
ANSWER = Answer("approve", ADA, "with care", NOW - HOUR)
RECORD = approval_record(ASKED, ANSWER, question="run:1", expires=NOW + HOUR, run="http://ui/run")


def held(*records: object, asked: Asked = ASKED, now: datetime = NOW, changed_at: datetime | None = None):
    return held_approvals(records, asked, now=now, changed_at=changed_at)  # type: ignore[arg-type]


def test_an_approval_of_the_same_change_holds_as_it_was_given() -> None:
    assert held(RECORD, changed_at=NOW - 2 * HOUR) == (Held(ANSWER, "run:1"),)


@pytest.mark.parametrize(
    "other",
    [
        replace(ASKED, application="shop-web"),
        replace(ASKED, environment="staging"),
        replace(ASKED, commit="d" * 40),
        replace(ASKED, base="a" * 40),
        replace(ASKED, base=""),
        replace(ASKED, together="sha256:a, sha256:b"),
    ],
    ids=str,
)
def test_it_does_not_hold_for_anything_else(other: Asked) -> None:
    assert held(RECORD, asked=other) == ()


def test_of_what_goes_together_it_holds_for_just_these() -> None:
    both = replace(ASKED, together="sha256:a, sha256:b")
    record = approval_record(both, ANSWER, question="run:1", expires=NOW + HOUR, run="")
    assert held(record, asked=both) == (Held(ANSWER, "run:1"),)
    assert held(record, asked=replace(both, together="sha256:a, sha256:c")) == ()
    assert held(record) == ()
    # A record of a version that knew no releases is one of something that goes alone.
    assert held({key: value for key, value in RECORD.items() if key != "together"}) == (Held(ANSWER, "run:1"),)


def test_it_does_not_hold_after_its_time() -> None:
    assert held(RECORD, now=NOW + HOUR) == ()
    assert held(RECORD, now=NOW - 2 * HOUR) == ()


@pytest.mark.parametrize("after", [timedelta(), timedelta(seconds=1), HOUR / 2])
def test_it_is_spent_once_the_environment_has_changed(after: timedelta) -> None:
    assert held(RECORD, changed_at=ANSWER.answered_at + after) == ()


def test_a_commit_of_the_same_second_has_spent_it() -> None:
    """A commit's time has no fractions."""
    answer = replace(ANSWER, answered_at=ANSWER.answered_at + timedelta(milliseconds=600))
    record = approval_record(ASKED, answer, question="run:1", expires=NOW + HOUR, run="")
    assert held(record, changed_at=ANSWER.answered_at) == ()
    assert held(record, changed_at=ANSWER.answered_at - timedelta(seconds=1)) == (Held(answer, "run:1"),)


def test_a_rejection_is_kept_but_holds_for_nothing() -> None:
    rejection = replace(ANSWER, decision="reject")
    assert held(approval_record(ASKED, rejection, question="run:1", expires=NOW + HOUR, run="")) == ()


def test_several_come_in_the_order_in_which_they_were_given() -> None:
    earlier = replace(ANSWER, person=Person("Ben"), answered_at=NOW - 2 * HOUR)
    record = approval_record(ASKED, earlier, question="run:0", expires=NOW + HOUR, run="")
    assert [one.answer for one in held(RECORD, record)] == [earlier, ANSWER]


JSON = st.recursive(
    st.none() | st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@given(st.sampled_from(sorted(RECORD)), JSON)
def test_a_record_that_cannot_be_read_is_no_approval(key: str, value: object) -> None:
    found = held(RECORD | {key: value})
    assert all(one.answer.decision == "approve" and one.answer.answered_at <= NOW for one in found)
