"""The pages that `tidegate plan` and `tidegate status` print."""

from datetime import UTC, datetime

from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.gates.gate import GateResult
from tasks.domain.image import ImageReference
from tasks.domain.promotion.change_set import ChangeSet, NewCommit, Position
from tasks.domain.promotion.history import Change
from tasks.domain.promotion.plan import Plan, plan_lines
from tasks.domain.promotion.rendered import Rendering
from tasks.domain.promotion.status import EnvironmentStatus, OnTheWay, status_document, status_row
from tasks.domain.promotion.why import Reason
from tasks.domain.verdict import passed, pending

A, B = (f"sha256:{letter * 64}" for letter in "ab")
OLD, NEW = "1" * 40, "2" * 40
IMAGE = ImageReference("registry.example/shop", "v2", B)
GATES = (GateResult("lint", passed("nothing was found")),)


def test_a_plan_says_what_would_happen_and_what_stands_against_it() -> None:
    plan = Plan(
        candidate=ReleaseCandidate("shop", NEW, IMAGE, gates=GATES),
        environment="production",
        file="values.yaml",
        before="replicas: 1\ndigest: a\n",
        after="replicas: 1\ndigest: b\n",
        rendering=Rendering("-image: a\n+image: b\n", "by helm"),
        changes=ChangeSet(OLD, NEW, Position.AHEAD, (NewCommit(NEW, "Sell\x1b[2J more", "Ada"),), 3),
        reasons=(Reason("production is closed", "time's", "it goes on by itself then"),),
        approvals=("one of ada, grace",),
    )
    assert list(plan_lines(plan)) == [
        "shop 2222222 -> production",
        f"image: {IMAGE}",
        "",
        "Commits that are new there:",
        "  2222222 Sell [2J more (Ada)",
        "  and 2 older ones",
        "",
        "Gates:",
        "  lint: passed: nothing was found",
        "",
        "What is written to values.yaml:",
        "  @@ -1,2 +1,2 @@",
        "   replicas: 1",
        "  -digest: a",
        "  +digest: b",
        "",
        "What that renders to (by helm):",
        "  -image: a",
        "  +image: b",
        "",
        "Approvals:",
        "  one of ada, grace",
        "",
        "What stands against it now:",
        "  production is closed\n    whose move: time's; it goes on by itself then",
    ]


def status(**fields: object) -> EnvironmentStatus:
    change = Change("shop", "production", A, OLD, approved_by="ada (name unproven)", revision="9" * 40)
    known: dict[str, object] = {
        "application": "shop",
        "environment": "production",
        "digest": A,
        "change": change,
        "live": passed("it runs"),
        "held": "",
        "on_the_way": (),
    }
    return EnvironmentStatus(**(known | fields))  # type: ignore[arg-type]


def test_a_status_is_one_row_with_what_waits_below_what_holds_it() -> None:
    waiting = OnTheWay(NEW, "Paused", "a person's approval", "http://ui/runs/1")
    row = status_row(status(held="production is stopped", on_the_way=(waiting,), live=pending("it is Progressing")))
    assert row == (
        "shop",
        "production",
        "1111111 aaaaaaaaaaaa",
        "",
        "ada (name unproven)",
        "it is Progressing",
        "production is stopped\n2222222: a person's approval",
    )


def test_what_is_not_known_is_not_made_up() -> None:
    unknown = status(change=None)
    assert status_row(unknown)[2:5] == ("unknown aaaaaaaaaaaa", "", "")
    assert status_row(status(digest=None, change=None))[2] == "nothing"
    assert [status_document(unknown)[key] for key in ("commit", "since", "approved_by", "held")] == [None] * 4


def test_times_are_told_in_utc() -> None:
    when = datetime(2026, 5, 9, 14, 30, tzinfo=UTC)
    told = status(change=Change("shop", "production", A, OLD, when=when))
    assert (status_row(told)[3], status_document(told)["since"]) == ("2026-05-09 14:30", "2026-05-09T14:30:00+00:00")
