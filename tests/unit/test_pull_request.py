"""What is done about a promotion's pull request, from what GitHub says of it."""

from datetime import UTC, datetime

import pytest

from tasks.domain.promotion.history import Change
from tasks.domain.promotion.pull_request import (
    Blocked,
    Closed,
    InQueue,
    Merged,
    Outdated,
    PullRequest,
    Ready,
    Review,
    ThrownOut,
    approving,
    branch_of,
    decide_in_queue,
    decide_pull_request,
    family_of,
)
from tasks.domain.promotion.pull_request_text import body_of, waiting_page

RULES = "the rules of its base branch are not kept yet, such as required reviews"


def pull(**known: object) -> PullRequest:
    facts = {"number": 7, "url": "http://github/7", "head": "1" * 40, "is_open": True, **known}
    return PullRequest(**facts)  # type: ignore[arg-type]


def review(login: str, state: str) -> Review:
    return Review(login, state, "", is_current=True)


@pytest.mark.parametrize("state", ["clean", "unstable", "has_hooks"])
def test_what_github_would_merge_is_ready(state: str) -> None:
    assert decide_pull_request(pull(state=state)) == Ready()


@pytest.mark.parametrize(
    ("known", "standing"),
    [
        ({"state": "behind"}, Outdated("its branch has to hold the newest commit of the base first")),
        ({"state": "dirty"}, Outdated("it is in conflict with the base")),
        ({"state": "unknown"}, Blocked("GitHub has not found out yet whether it can be merged")),
        ({"state": "clean", "is_draft": True}, Blocked("it is a draft; mark it as ready for review")),
        ({"is_open": False}, Closed("pull request #7 was closed without being merged")),
        ({"is_open": False, "merge_commit": "2" * 40, "merged_by": "pat"}, Merged("2" * 40, "pat")),
    ],
)
def test_each_state_has_a_consequence(known: dict[str, object], standing: object) -> None:
    assert decide_pull_request(pull(**known)) == standing


@pytest.mark.parametrize(
    ("reviews", "checks", "reason"),
    [
        ((), (), f"{RULES} (nobody has approved it yet)"),
        (
            (review("pat", "APPROVED"),),
            ("lint (pending)", "tests (failure)"),
            f"checks that have not passed: lint (pending), tests (failure); {RULES} (approved so far by pat)",
        ),
        ((review("pat", "CHANGES_REQUESTED"), review("ada", "APPROVED")), (), "pat asked for changes"),
    ],
)
def test_what_blocks_it_is_named(reviews: tuple[Review, ...], checks: tuple[str, ...], reason: str) -> None:
    assert decide_pull_request(pull(state="blocked", reviews=reviews, checks=checks)) == Blocked(reason)


def test_who_is_asked_for_a_review_is_named() -> None:
    waits = decide_pull_request(pull(state="blocked", asked=("ada", "platform")))
    assert waits == Blocked(f"{RULES} (nobody has approved it yet; asked are ada, platform)")


@pytest.mark.parametrize(
    ("known", "seen", "standing"),
    [
        ({}, InQueue(2, "AWAITING_CHECKS"), Blocked("it is number 2 in the merge queue (awaiting checks)")),
        ({}, ThrownOut("failed checks"), ThrownOut("failed checks")),
        ({"is_open": False}, ThrownOut("closed"), Closed("pull request #7 was closed without being merged")),
        # It is merged between the two looks, and out of the queue for that reason.
        ({"is_open": False, "merge_commit": "2" * 40}, ThrownOut("merged"), Merged("2" * 40, "")),
        ({"is_open": False, "merge_commit": "2" * 40}, InQueue(1, "MERGEABLE"), Merged("2" * 40, "")),
    ],
)
def test_what_becomes_of_one_in_the_merge_queue(
    known: dict[str, object], seen: InQueue | ThrownOut, standing: object
) -> None:
    assert decide_in_queue(pull(**known), seen) == standing


def test_a_state_that_is_new_to_us_is_no_permission() -> None:
    assert isinstance(decide_pull_request(pull(state="something new")), Blocked)


def test_reviews_of_the_newest_commit_and_the_merge_are_approvals_each_person_s_once() -> None:
    old = Review("zoe", "APPROVED", "fine", is_current=False)
    reviews = (review("ada", "APPROVED"), review("ben", "CHANGES_REQUESTED"), review("dan", "DISMISSED"), old)
    merged = datetime(2026, 3, 1, tzinfo=UTC)
    facts = {"reviews": reviews, "merged_at": merged}
    by_pat = Review("pat", "MERGED", "merged pull request #7", is_current=True, said_at=merged)
    assert approving(pull(**facts, merged_by="pat"), ()) == (reviews[0], by_pat)
    assert approving(pull(**facts, merged_by="ada"), ()) == (reviews[0],)
    assert approving(pull(**facts), ()) == (reviews[0],)


def test_a_bot_approves_only_where_it_is_named() -> None:
    """GitHub's own merge queue, or one that approves all that a robot opens."""
    facts = {"reviews": (review("robot[bot]", "APPROVED"),), "merged_by": "github-merge-queue[bot]"}
    assert approving(pull(**facts), ()) == ()
    assert [one.login for one in approving(pull(**facts), ("Robot[bot]",))] == ["robot[bot]"]


def test_each_candidate_has_a_branch_of_its_own_in_the_family_of_its_place() -> None:
    change = Change("shop-api", "production", f"sha256:{'a' * 64}", source_commit="1" * 40)
    assert branch_of(change) == "tidegate/shop-api/production/aaaaaaaaaaaa"
    assert family_of(change) == "tidegate/shop-api/production/"


@pytest.mark.parametrize(
    "text",
    ["thanks @ada", "Fixes #12", "closes acme/shop#12", "resolves GH-12", "fix: https://github.com/a/b/issues/1"],
)
def test_a_commit_s_subject_neither_calls_people_nor_closes_issues(text: str) -> None:
    shown = body_of(f"- `1a2b3c4` {text}", "")
    assert shown != f"- `1a2b3c4` {text}"
    assert shown.replace("\u200b", "") == f"- `1a2b3c4` {text}"


def test_what_stands_in_code_stays_as_it_is_and_a_long_page_stays_whole_markdown() -> None:
    code = "```diff\n+ image: registry/x@sha256:1\n```"
    assert body_of(code, "") == code


@pytest.mark.parametrize("line", ["+ line", "+ " + "x" * 1000, "@" * 300])
@pytest.mark.parametrize("fence", ["```diff\n", ""])
def test_a_text_that_is_too_long_for_github_says_where_the_rest_is(line: str, fence: str) -> None:
    """With whole lines, a closed block, and the marks counted that keep people from being called."""
    cut = body_of(fence + f"{line}\n" * 20_000, "The rest is there.")
    assert 60_000 < len(cut) <= 65_536
    assert cut.endswith(("```\n\n" if fence else "\n\n") + "**Cut here**, for GitHub takes no more. The rest is there.")
    assert (cut.count("```"), set(cut.splitlines()[1:-3])) == (2 if fence else 0, {cut.splitlines()[1]})


def test_a_text_that_just_fits_is_not_cut() -> None:
    assert len(body_of("x" * 65_536, "rest")) == 65_536
    assert "Cut here" in body_of("x" * 65_537, "rest")


def test_a_run_that_waits_shows_where_and_for_what() -> None:
    assert waiting_page("shop-api 1a2b3c4", "production", pull(), "nobody_has approved it yet") == (
        "## shop-api 1a2b3c4 → production\n\n[Pull request #7](http://github/7) waits: nobody\\_has approved it yet"
    )
