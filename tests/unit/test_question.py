"""What an approver is shown, with text in it that others wrote."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from markdown_it import MarkdownIt

from tasks.domain.approval.decision import Answer, AskAgain
from tasks.domain.approval.person import Person
from tasks.domain.approval.question import NOT_KEPT, Question, approval_page, not_counted, proposal_page
from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.delivery.approval import ApprovalPolicy, Identity, Role
from tasks.domain.gates.gate import GateResult
from tasks.domain.image import ImageReference
from tasks.domain.promotion.change_set import ChangeSet, NewCommit, Position
from tasks.domain.promotion.rendered import Rendering
from tasks.domain.verdict import failed, passed

OLD, NEW = "sha256:" + "0a" * 32, "sha256:" + "ab" * 32
HOSTILE = "<img src=x onerror=alert(1)> [approve](http://evil.example) | **done** `x` ![x](y)\n# Title"
BEFORE = f'image:\n  tag: {"b" * 40}\n  digest: "{OLD}"  # what runs\nreplicas: 2\n'
COMMITS = tuple(NewCommit(f"{n:040x}", f"commit {n}", f"author {n % 5}") for n in range(30))
QUESTION = Question(
    candidate=ReleaseCandidate(
        "shop-api",
        "c" * 40,
        ImageReference("registry.example/shop-api", "c" * 40, NEW),
        gates=(GateResult("lint", passed("clean")), GateResult("unit-tests", passed("26 tests passed."))),
    ),
    environment="production",
    policy=ApprovalPolicy(),
    changes=ChangeSet("b" * 40, "c" * 40, Position.AHEAD, COMMITS, total=30),
    needs={"staging": passed("staging runs it, healthy")},
    runs_now=ImageReference("registry.example/shop-api", "b" * 40, OLD),
    file="apps/shop-api/values-production.yaml",
    before=BEFORE,
    after=BEFORE.replace(OLD, NEW).replace("b" * 40, "c" * 40),
    links={"The commit": "https://github.example/c"},
    expires="2026-03-04 12:00 UTC",
)


def test_what_decides_stands_in_the_first_lines() -> None:
    """The older UI shows no more above the form on a small screen."""
    assert approval_page(QUESTION).splitlines()[:10] == [
        "## shop-api ccccccc → production",
        "",
        "[The commit](https://github.example/c)",
        "",
        "- **Image** `0a0a0a0a0a0a` (bbbbbbb) → `abababababab`",
        "- **30 new commits** by author 4, author 3, author 2 and 2 more",
        "- ✓ All 2 gates passed.",
        "- ✓ staging runs it, healthy",
        "- Open until 2026-03-04 12:00 UTC to anybody who wrote none of it",
        "",
    ]


def test_a_pull_request_shows_the_same_but_how_to_answer_in_prefect() -> None:
    page = proposal_page(QUESTION, "Merged as soon as the branch's rules allow it")
    assert page.splitlines()[8:10] == ["- Merged as soon as the branch's rules allow it", ""]
    rest = approval_page(QUESTION).partition("### New")[2].partition("\n\n### How to answer")[0]
    assert page.partition("### New")[2] == rest


def test_the_approver_sees_the_lines_that_are_written_and_in_which_file() -> None:
    written = approval_page(QUESTION).split("### What is written\n\n")[1].split("\n\n###")[0]
    assert written.splitlines() == [
        "In `apps/shop-api/values-production.yaml` only:",
        "",
        "```diff",
        "@@ -1,4 +1,4 @@",
        " image:",
        "-  tag: bbbbbbbbbbbb…",
        '-  digest: "sha256:0a0a0a0a0a0a…"  # what runs',
        "+  tag: cccccccccccc…",
        '+  digest: "sha256:abababababab…"  # what runs',
        " replicas: 2",
        "```",
        "",
        "Rendered, nothing is known to change (not rendered).",
    ]


def test_a_gate_that_failed_and_an_environment_that_is_unhealthy_are_seen_at_once() -> None:
    candidate = replace(QUESTION.candidate, gates=(GateResult("lint", failed("2 errors")),))
    page = approval_page(replace(QUESTION, candidate=candidate, needs={"staging": failed("staging is Degraded")}))
    assert "- ✗ 1 of 1 gate failed: lint.\n- ✗ staging is Degraded\n" in page
    assert "- ✗ **lint:** 2 errors" in page


def test_the_approver_sees_the_newest_commits_and_how_many_there_are() -> None:
    page = approval_page(QUESTION)
    assert "`0000000` commit 29 — author 4" in page
    assert "commit 9 " not in page
    assert "- … and 10 more" in page


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (ApprovalPolicy(), "to anybody who wrote none of it"),
        (ApprovalPolicy(author_may_approve=True), "to anybody"),
        (ApprovalPolicy(approvers=("Ada", "Ben")), "to Ada, Ben (not to who wrote part of it)"),
        (ApprovalPolicy(approvers=("Ada",), author_may_approve=True), "to Ada"),
        (ApprovalPolicy(required=2), "to anybody who wrote none of it; 2 have to approve"),
        (
            ApprovalPolicy(approvers=("Ada",), roles={"security": Role(approvers=("acme/sec",))}, required=2),
            "to Ada, acme/sec (not to who wrote part of it); 2 have to approve, 1 of security",
        ),
    ],
)
def test_the_approver_is_told_who_may_approve(policy: ApprovalPolicy, words: str) -> None:
    assert f"- Open until 2026-03-04 12:00 UTC {words}\n" in approval_page(replace(QUESTION, policy=policy))


def test_a_first_promotion_says_that_nothing_is_known() -> None:
    nothing = ChangeSet(None, "c" * 40, Position.AHEAD, (), 0)
    page = approval_page(replace(QUESTION, changes=nothing, runs_now=None))
    assert "- **Image** none → `abababababab`\n- **every commit is new**: nothing is known" in page


def test_the_same_code_built_again_is_called_that() -> None:
    same = ChangeSet("c" * 40, "c" * 40, Position.IDENTICAL, (), 0)
    assert "- **0 new commits**: the same code, built again" in approval_page(replace(QUESTION, changes=same))


def test_a_hostile_commit_cannot_draw_on_the_question() -> None:
    """The only link is ours; HTML, images and headings of others are nowhere."""
    changes = ChangeSet("b" * 40, "c" * 40, Position.AHEAD, (NewCommit("c" * 40, HOSTILE, HOSTILE),), 1)
    given = Answer("approve", Person(HOSTILE), HOSTILE, datetime(2026, 3, 1, tzinfo=UTC))
    standing = AskAgain(HOSTILE, (given,), (HOSTILE,))
    page = approval_page(
        replace(
            QUESTION,
            changes=changes,
            standing=standing,
            rendering=Rendering(f"```\n{HOSTILE}", HOSTILE),
            evidence=[HOSTILE],
        )
    )
    tokens = [child for token in MarkdownIt("commonmark").parse(page) for child in (token, *(token.children or []))]
    assert [token.attrs["href"] for token in tokens if token.type == "link_open"] == ["https://github.example/c"]
    assert not [token for token in tokens if token.type.startswith(("html", "image"))]
    assert [token.tag for token in tokens if token.type == "heading_open"] == ["h2", "h3", "h3", "h3", "h3", "h3"]


def test_a_diff_cannot_leave_its_code_block() -> None:
    page = approval_page(replace(QUESTION, after=BEFORE + "```\n# approved\n"))
    assert page.count("```") == 2
    assert approval_page(replace(QUESTION, rendering=Rendering("```\n+ x", "by helm"))).count("```") == 4


def test_a_repeated_question_says_why_at_the_top() -> None:
    page = approval_page(replace(QUESTION, standing=AskAgain("Dana wrote it")))
    assert page.startswith("⚠ **Not counted:** Dana wrote it\n\n## ")
    assert not_counted(page) == "Dana wrote it"
    assert not_counted(approval_page(QUESTION)) == ""


def test_a_second_question_says_who_approved_already_and_who_is_missing() -> None:
    ada = Answer("approve", Person("Ada", Identity.ONE_TIME_CODE), "", datetime(2026, 3, 1, tzinfo=UTC))
    page = approval_page(replace(QUESTION, standing=AskAgain("", (ada,), ("1 of security (grace)", "1 more"))))
    assert page.startswith(
        "✓ **Approved by** Ada (one-time code)  \n○ **Still missing:** 1 of security (grace); 1 more\n\n## "
    )


def test_a_gate_that_says_something_else_than_for_what_runs_now_shows_both() -> None:
    before = {"lint": passed("clean"), "unit-tests": passed("25 tests passed."), "licenses": passed("3 known")}
    page = approval_page(replace(QUESTION, gates_before=before))
    assert (
        "- ✓ **lint:** clean\n- ✓ **unit-tests:** 26 tests passed.\n  - what runs now: ✓ 25 tests passed.\n"
        "- ⚠ **licenses:** not checked any more; what runs now was\n"
    ) in page


def test_how_long_a_check_took_is_no_difference() -> None:
    candidate = replace(QUESTION.candidate, gates=(GateResult("lint", passed("Passed in 0.3 s.")),))
    page = approval_page(replace(QUESTION, candidate=candidate, gates_before={"lint": passed("Passed in 12.5 s.")}))
    assert "what runs now" not in page.split("### What is written")[0]


def test_the_approver_sees_how_long_the_environment_before_has_run_it() -> None:
    page = approval_page(replace(QUESTION, time_in={"staging": "2026-03-01 10:00 UTC (2 h)"}))
    assert "- ✓ staging runs it, healthy\n- **In staging** since 2026-03-01 10:00 UTC (2 h)\n" in page


def test_a_decision_that_is_not_signed_is_said_to_be_kept_nowhere_else() -> None:
    words = "- There is no signing key, so the decision is in this run and in the commit only"
    assert words not in approval_page(QUESTION)
    assert words in approval_page(replace(QUESTION, is_kept=False))


def test_a_long_rendered_difference_is_cut_in_the_form_and_says_where_the_rest_is() -> None:
    question = replace(QUESTION, rendering=Rendering("\n".join(f"+ line {n}" for n in range(70)), "by helm"))
    page = approval_page(question)
    assert "Rendered, that changes (by helm):\n\n```diff\n+ line 0\n" in page
    assert "+ line 59\n```\n\nAnd 10 more lines; `tidegate plan shop-api production` shows them all.\n" in page
    whole = proposal_page(question, "Merged")
    assert ("+ line 69\n```" in whole, "more lines" in whole) == (True, False)


def test_what_could_not_be_rendered_says_why() -> None:
    page = approval_page(replace(QUESTION, rendering=Rendering("", "not rendered: Argo CD does not answer")))
    assert "Rendered, nothing is known to change (not rendered: Argo CD does not answer).\n" in page


@pytest.mark.parametrize(
    ("identity", "words"),
    [
        ((Identity.CLAIMED,), "Nothing proves the name: whoever can open this page can approve"),
        ((Identity.ONE_TIME_CODE,), "The code from your authenticator proves your name"),
        ((Identity.GITHUB, Identity.PROXY), "On GitHub: the comment `/approve`"),
    ],
)
def test_the_question_says_where_to_answer_and_what_a_name_is_worth(identity: tuple[Identity, ...], words: str) -> None:
    answers = approval_page(replace(QUESTION, policy=ApprovalPolicy(identity=identity))).split("### How to answer")[1]
    assert "**Resume** at the top right; in the newer UI it is in the menu with the three dots" in answers
    assert words in answers
    assert ("Nothing proves" in answers) == (identity == (Identity.CLAIMED,))


def test_nothing_in_the_question_is_wider_than_the_form() -> None:
    """About 50 characters of code fit; a longer word would have to be scrolled to."""
    lines = approval_page(QUESTION).split("```diff")[1].split("```")[0].splitlines()
    assert max(len(line) for line in lines) <= 50


def test_of_several_that_go_together_each_is_shown_as_alone_below_a_summary() -> None:
    web = replace(QUESTION.candidate, application="shop-web", commit="d" * 40)
    other = replace(QUESTION, candidate=web, is_kept=False)
    page = approval_page(QUESTION, other, release="shop")
    assert page.splitlines()[:8] == [
        "## Release shop → production",
        "",
        "By one commit, or not at all; where one fails, all of them go back:",
        "",
        (
            "- **shop-api ccccccc:** Image `0a0a0a0a0a0a` (bbbbbbb) → `abababababab`; 30 new commits by author 4, "
            "author 3, author 2 and 2 more"
        ),
        (
            "- **shop-web ddddddd:** Image `0a0a0a0a0a0a` (bbbbbbb) → `abababababab`; 30 new commits by author 4, "
            "author 3, author 2 and 2 more"
        ),
        "- Open until 2026-03-04 12:00 UTC to anybody who wrote none of it",
        "",
    ]
    alone = proposal_page(QUESTION, "").replace("- \n", "", 1)
    assert alone in page
    assert alone.replace("shop-api ccccccc", "shop-web ddddddd", 1) in page
    assert page.count("### How to answer") == 1
    assert page.endswith(f"- {NOT_KEPT}")
