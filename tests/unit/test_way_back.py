"""Which release an environment goes back to, and how what is in quarantine is found."""

import pytest

from tasks.domain.promotion.history import Change
from tasks.domain.promotion.way_back import NoWayBack, Quarantined, choose_release, find_quarantined

A, B, C = (f"sha256:{letter * 64}" for letter in "abc")
HELD = (
    "commit 3333333 is in quarantine: it was rolled back by commit 4444444: it was slow; clear it with "
    "`tidegate quarantine clear`, or name another commit"
)
ONE, TWO, THREE = (f"{digit}" * 7 + "0" * 33 for digit in "123")


def change(digest: str, commit: str, **fields: object) -> Change:
    return Change("shop-api", "production", digest, commit, **fields)  # type: ignore[arg-type]


# Newest first: C was taken back to A, so C is in quarantine; B ran in between.
HISTORY = (
    change(A, ONE, rollback_of=C, reason="it was slow", revision="4" * 40),
    change(C, THREE, revision="3" * 40),
    change(B, TWO, revision="2" * 40),
    change(A, ONE, revision="1" * 40),
)


def test_without_a_name_it_is_the_last_healthy_release() -> None:
    assert choose_release(HISTORY, A, "") == HISTORY[2]
    assert choose_release(HISTORY[-1:], A, "") is None


@pytest.mark.parametrize("name", [TWO, TWO[:7], TWO[:7].upper()])
def test_an_earlier_commit_is_gone_back_to_by_name(name: str) -> None:
    assert choose_release(HISTORY, A, name) == HISTORY[2]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("2222", "'2222' is too short for a commit; give at least 7 digits"),
        (
            "9999999",
            "commit 9999999 was never in this environment; lately there were: 1111111, 3333333, 2222222",
        ),
        (ONE, "commit 1111111 is what it runs already; name an earlier one"),
        (
            THREE,
            HELD,
        ),
    ],
)
def test_what_cannot_be_gone_back_to_says_why(name: str, reason: str) -> None:
    assert choose_release(HISTORY, A, name) == NoWayBack(reason)


def test_a_short_name_of_two_commits_is_not_guessed() -> None:
    twin = change(C, "2" * 7 + "1" * 33)
    assert choose_release((twin, HISTORY[2]), A, "2222222") == NoWayBack(
        "several commits begin with 2222222; give all 40 digits"
    )


def test_of_two_builds_of_a_commit_the_one_that_is_not_in_quarantine_is_taken() -> None:
    rebuilt = change(B, ONE, revision="5" * 40)
    taken_back = change(A, ONE, rollback_of=B)
    history = (change(C, THREE), taken_back, rebuilt, *HISTORY[-1:])
    assert choose_release(history, C, ONE) == taken_back


@pytest.mark.parametrize("name", [C, C.removeprefix("sha256:"), "c" * 7, THREE, THREE[:7]])
def test_what_is_in_quarantine_is_found_by_digest_or_commit(name: str) -> None:
    held = Quarantined(C, THREE, "it was rolled back by commit 4444444: it was slow")
    assert find_quarantined(HISTORY, name) == (held,)


@pytest.mark.parametrize("name", [A, "cccccc", TWO, ""])
def test_nothing_else_is_found_there(name: str) -> None:
    assert find_quarantined(HISTORY, name) == ()


def test_what_was_cleared_is_in_quarantine_no_more() -> None:
    assert find_quarantined((change(C, THREE, clears_quarantine=True), *HISTORY), C) == ()
