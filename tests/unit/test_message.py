"""Pages that people read, with text in them that others wrote."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.change_set import ChangeSet, NewCommit, Position
from tasks.domain.errors import ConfigurationError
from tasks.domain.gate import GateResult
from tasks.domain.image import ImageReference
from tasks.domain.message import Question, approval_page, candidate_page, plain
from tasks.domain.promotion import Rival
from tasks.domain.verdict import failed, passed

DIGEST = "sha256:" + "ab" * 32
HOSTILE = "<img src=x onerror=alert(1)> [approve](http://evil.example) | **done** `x` ![x](y)\n# Title"
CANDIDATE = ReleaseCandidate(
    "shop-api",
    "c" * 40,
    ImageReference("registry.example/shop-api", "c" * 40, DIGEST),
    author=HOSTILE,
    subject=HOSTILE,
    gates=(GateResult("lint", passed("clean")), GateResult("unit-tests", failed(HOSTILE))),
)


def question(**changes: object) -> Question:
    commits = tuple(NewCommit(f"{n:040x}", f"commit {n}", "Dana") for n in range(30))
    facts = {
        "candidate": CANDIDATE,
        "environment": "production",
        "changes": ChangeSet("b" * 40, "c" * 40, Position.AHEAD, commits, total=30),
        "needs": {"staging": passed("staging runs it, healthy")},
        "file_diff": "-  digest: old\n+  digest: new",
        "links": {"The commit": "https://github.example/c"},
        "expires": "2026-03-04 12:00 UTC",
    }
    return Question(**(facts | changes))  # type: ignore[arg-type]


@given(st.text())
def test_outside_text_stays_one_line_without_markup(text: str) -> None:
    shown = plain(text, 80)
    assert not re.search(r"[<>`*_\[\]|\n\\]", shown)
    assert len(re.sub(r"&(#\d+|[a-z]+);", "x", shown)) <= 80


def test_a_hostile_commit_cannot_draw_on_the_pages() -> None:
    changes = ChangeSet(None, "c" * 40, Position.AHEAD, (NewCommit("c" * 40, HOSTILE, HOSTILE),), 1)
    for page in (
        candidate_page(CANDIDATE, "https://s.example", "https://r.example"),
        approval_page(question(changes=changes)),
    ):
        assert "<img" not in page
        assert "](http://evil" not in page
        assert "\n# Title" not in page


def test_a_diff_cannot_leave_its_code_block() -> None:
    page = approval_page(question(file_diff="+ ```\n+ # approved"))
    assert page.count("```") == 2


def test_the_approver_sees_the_newest_commits_and_how_many_there_are() -> None:
    page = approval_page(question())
    assert "What is new (30 commits)" in page
    assert "commit 29" in page
    assert "commit 9 " not in page
    assert "… and 10 more" in page


def test_the_approver_is_told_that_the_name_proves_nothing() -> None:
    assert "nothing proves it" in approval_page(question())


def test_a_repeated_question_says_why_at_the_top() -> None:
    assert approval_page(question(asked_again="Dana wrote it")).startswith("> ⚠️ **Not counted:** Dana wrote it")


@pytest.mark.parametrize(
    ("position", "started_later", "is_newer"),
    [
        (Position.AHEAD, False, True),
        (Position.BEHIND, True, False),
        (Position.IDENTICAL, True, True),
        (Position.IDENTICAL, False, False),
        (Position.DIVERGED, True, True),
        (Position.DIVERGED, False, False),
    ],
)
def test_history_tells_who_is_newer_and_the_start_where_it_cannot(
    position: Position, started_later: bool, is_newer: bool
) -> None:
    assert Rival("shop-api ddddddd", position, started_later=started_later).is_newer is is_newer


def test_a_candidate_without_full_commit_or_digest_cannot_exist() -> None:
    with pytest.raises(ConfigurationError, match="full SHA"):
        ReleaseCandidate("shop-api", "abc1234", CANDIDATE.image)
    with pytest.raises(ConfigurationError, match="no digest"):
        ReleaseCandidate("shop-api", "c" * 40, ImageReference("registry.example/shop-api", "v1"))
