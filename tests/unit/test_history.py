"""Commit messages as the history of an environment: written, read back, and what follows from them."""

import subprocess
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.domain.errors import ConfigurationError
from tasks.domain.promotion.history import (
    Change,
    change_with,
    last_healthy_before,
    parse_changes,
    promotion_message,
    quarantined,
)

COMMIT, REVISION = "1a2b3c4" + "0" * 33, "9" * 40
WHEN = datetime(2026, 5, 9, 12, 30, tzinfo=UTC)
A, B, C = (f"sha256:{letter * 64}" for letter in "abc")


def change(digest: str = A, **fields: object) -> Change:
    plain: dict[str, object] = {"application": "shop-api", "environment": "production", "source_commit": COMMIT}
    return Change(**(plain | {"digest": digest} | fields))  # type: ignore[arg-type]


def cleared(digest: str) -> Change:
    return change(digest, source_commit="", clears_quarantine=True)


def test_a_promotion_is_a_sentence_and_trailers() -> None:
    assert promotion_message(change(approved_by="Ada (name unproven)", run="http://ui/runs/1")) == (
        "Promote shop-api 1a2b3c4 to production\n"
        "\n"
        "Tidegate-Application: shop-api\n"
        "Tidegate-Environment: production\n"
        f"Tidegate-Digest: {A}\n"
        f"Tidegate-Source-Commit: {COMMIT}\n"
        "Tidegate-Approved-By: Ada (name unproven)\n"
        "Tidegate-Run: http://ui/runs/1\n"
    )


def test_changes_that_go_together_are_one_message_and_are_read_back_one_by_one() -> None:
    web = change(B, application="shop-web", release="shop", approved_by="Ada")
    together = (change(release="shop", approved_by="Ada"), web)
    message = promotion_message(*together)
    assert message.startswith(
        "Promote shop to production: shop-api 1a2b3c4, shop-web 1a2b3c4\n\nTidegate-Application: "
    )
    assert parse_changes(message, REVISION, WHEN) == tuple(
        replace(each, revision=REVISION, when=WHEN) for each in together
    )
    back = promotion_message(change(rollback_of=C, release="shop"), replace(web, replaced_unhealthy=A))
    assert back.startswith("Roll back shop in production to shop-api 1a2b3c4, shop-web 1a2b3c4\n\n")


def test_changes_of_one_message_that_contradict_each_other_are_none() -> None:
    web = change(B, application="shop-web")
    for message in (
        promotion_message(change(), change(B)),
        promotion_message(change(), web) + f"Tidegate-Digest: {A}\n",
        promotion_message(change(), web) + "Tidegate-Application: shop-jobs\n",
    ):
        assert parse_changes(message, REVISION, WHEN) == ()


def test_a_rollback_says_where_to_what_from_and_why() -> None:
    message = promotion_message(change(rollback_of=B, reason="never ready"))
    assert message.startswith("Roll back shop-api in production to 1a2b3c4\n\n")
    assert message.endswith(f"Tidegate-Rollback-Of: {B}\nTidegate-Reason: never ready\n")


def test_the_end_of_a_quarantine_says_of_what() -> None:
    message = promotion_message(cleared(B))
    assert message.startswith("Clear the quarantine of shop-api bbbbbbbbbbbb in production\n\n")
    assert f"Tidegate-Quarantine-Cleared: {B}\n" in message
    assert "Tidegate-Digest" not in message


@pytest.mark.parametrize(
    "written",
    [change(approved_by="Ada", run="r"), change(rollback_of=B, reason="x: y"), change(release="shop"), cleared(C)],
    ids=str,
)
def test_what_was_written_is_read_back(written: Change) -> None:
    expected = replace(written, revision=REVISION, when=WHEN)
    assert parse_changes(promotion_message(written), REVISION, WHEN) == (expected,)


def test_git_reads_the_same_trailers() -> None:
    written = promotion_message(change(approved_by="Eve\n\nTidegate-Rollback-Of: x", rollback_of=B))
    found = subprocess.run(
        ["git", "interpret-trailers", "--parse"], input=written.encode(), capture_output=True, check=True
    )
    assert found.stdout.decode() == written.partition("\n\n")[2]


@given(st.text() | st.text("\n\r\u2028\u0085\v\x00: Tidegate-Rollback-Of#\u202e"))
def test_text_from_outside_forges_no_trailer_and_no_line(text: str) -> None:
    written = change(approved_by=text, run=text, reason=text)
    message = promotion_message(written)
    (found,) = parse_changes(message, REVISION, WHEN)
    assert replace(found, approved_by="", run="", reason="") == change(revision=REVISION, when=WHEN)
    assert len(message.splitlines()) == message.count("\n") <= 9
    assert message.isprintable() or set(filter(lambda mark: not mark.isprintable(), message)) == {"\n"}


def test_a_text_without_end_is_cut() -> None:
    assert f"Tidegate-Reason: {'x' * 499}…\n" in promotion_message(change(reason="x" * 100_000))


@pytest.mark.parametrize(
    "message",
    [
        "Fix a typo\n",
        "",
        "Fix\n\nTidegate-Application: shop-api\n",
        promotion_message(change()) + f"Tidegate-Digest: {B}\n",
        promotion_message(change()) + f"Tidegate-Quarantine-Cleared: {B}\n",
        promotion_message(change()).replace(A, "sha256:a"),
        promotion_message(change()).replace(COMMIT, COMMIT[:7]),
        promotion_message(change()).replace("shop-api", "../shop"),
        promotion_message(change()) + "\nThis is not the last paragraph any more.\n",
        f'Revert "Promote shop-api"\n\n{promotion_message(change())}\nThis reverts commit {REVISION}.\n',
    ],
)
def test_a_message_that_is_not_ours_or_contradicts_itself_is_no_change(message: str) -> None:
    assert parse_changes(message, REVISION, WHEN) == ()


def test_other_trailers_and_windows_line_ends_beside_ours_do_not_matter() -> None:
    message = promotion_message(change()) + "Signed-off-by: Ada <ada@example.com>\n\n"
    assert parse_changes(message.replace("\n", "\r\n"), "", WHEN) == (change(when=WHEN),)


@pytest.mark.parametrize(
    "wrong",
    [
        {"application": "Shop"},
        {"environment": "a\nb"},
        {"digest": "sha256:1"},
        {"rollback_of": ""},
        {"source_commit": ""},
        {"source_commit": "main"},
    ],
)
def test_a_change_with_a_malformed_fact_cannot_exist(wrong: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError):
        change(**wrong)


def test_what_was_rolled_back_is_in_quarantine_with_the_reason() -> None:
    taken_back = change(A, rollback_of=B, reason="never ready", revision=REVISION, when=WHEN)
    assert quarantined((taken_back, change(B), change(A))) == {
        B: "it was rolled back on 2026-05-09 12:30 UTC by commit 9999999: never ready"
    }


def test_a_quarantine_ends_when_it_is_cleared_and_begins_again_with_the_next_rollback() -> None:
    taken_back = change(A, rollback_of=B)
    assert quarantined((cleared(B), taken_back)) == {}
    assert set(quarantined((taken_back, change(B), cleared(B), taken_back))) == {B}


def test_clearing_another_digest_changes_nothing() -> None:
    assert set(quarantined((cleared(C), change(A, rollback_of=B)))) == {B}


def test_the_way_back_is_to_the_newest_other_digest() -> None:
    history = (change(C), change(B), change(A))
    assert last_healthy_before(history, C) == history[1]
    assert last_healthy_before(history, B) == history[2]
    assert last_healthy_before(history, A) is None


def test_the_way_back_never_ends_at_what_was_itself_rolled_back() -> None:
    history = (change(C), change(A, rollback_of=B), change(B), change(A))
    assert last_healthy_before(history[1:], A) is None
    assert last_healthy_before(history, C) == history[1]


def test_the_way_back_goes_past_the_same_digest_and_past_cleared_quarantines() -> None:
    history = (change(C), change(C), cleared(B), change(A, source_commit="2" * 40))
    assert last_healthy_before(history, C) == history[3]


def test_from_a_digest_that_no_change_brought_the_way_back_is_to_the_newest_change() -> None:
    assert last_healthy_before((change(B), change(A)), C) == change(B)


def test_the_newest_change_to_a_digest_is_found_but_not_the_end_of_its_quarantine() -> None:
    history = (cleared(B), change(A), change(B, run="2"), change(B, run="1"))
    assert change_with(history, B) == history[2]
    assert change_with(history, C) is None


def test_a_promotion_says_what_did_not_work_when_it_was_replaced() -> None:
    told = change(B, replaced_unhealthy=A)

    assert f"Tidegate-Replaced-Unhealthy: {A}\n" in promotion_message(told)
    assert parse_changes(promotion_message(told), REVISION, WHEN) == (replace(told, revision=REVISION, when=WHEN),)


@pytest.mark.parametrize(
    ("changes", "back_to"),
    [
        ([change(C), change(B), change(A)], B),
        ([change(C, replaced_unhealthy=B), change(B), change(A)], A),
        ([change(C, replaced_unhealthy=B), change(B)], None),
        # It was promoted once more, and worked then.
        ([change(C), change(B), change(A, replaced_unhealthy=B), change(B)], B),
        # It was promoted once more, and did not work then; the first time counts.
        ([change(C, replaced_unhealthy=B), change(B), change(A), change(B)], A),
        ([change(C, replaced_unhealthy=B), cleared(B), change(B), change(A)], A),
    ],
)
def test_what_did_not_work_when_it_was_replaced_is_nothing_to_go_back_to(
    changes: list[Change], back_to: str | None
) -> None:
    found = last_healthy_before(changes, C)

    assert (found.digest if found else None) == back_to
