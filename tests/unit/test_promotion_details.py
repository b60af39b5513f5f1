"""The small rules of a promotion, one by one: what breaking a single condition must not leave unseen."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.configuration.model_mistakes import read_model
from tasks.domain.delivery.window import DeploymentWindow, Freeze
from tasks.domain.errors import ConfigurationError
from tasks.domain.image import ImageReference
from tasks.domain.promotion.change_set import ChangeSet, NewCommit, Position
from tasks.domain.promotion.history import Change, last_healthy_before, parse_changes, promotion_message, quarantined
from tasks.domain.promotion.plan import Plan, Rendering, plan_lines
from tasks.domain.promotion.soak import Soak, decide_soak
from tasks.domain.promotion.status import EnvironmentStatus, status_document, status_row
from tasks.domain.promotion.switch import Switch, find_switches, switch_message
from tasks.domain.promotion.way_back import NoWayBack, choose_release
from tasks.domain.promotion.window import Closed, decide_opening
from tasks.domain.verdict import failed, passed

WHEN = datetime(2026, 5, 9, 12, 30, tzinfo=UTC)
COMMIT = "1a2b3c4" + "0" * 33
A, B, C = (f"sha256:{letter * 64}" for letter in "abc")


def change(digest: str = A, **fields: object) -> Change:
    plain: dict[str, object] = {"application": "shop-api", "environment": "production", "source_commit": COMMIT}
    return Change(**(plain | {"digest": digest} | fields))  # type: ignore[arg-type]


def test_a_digest_that_worked_once_counts_for_that_time_though_it_did_not_work_the_next() -> None:
    again = (change(C, replaced_unhealthy=B), change(B), change(A), change(B))
    assert last_healthy_before(again, C) == change(A)
    assert last_healthy_before(again, A) == change(B)


def test_the_end_of_a_quarantine_is_no_time_at_which_the_digest_ran() -> None:
    ended = change(B, source_commit="", clears_quarantine=True)
    seen = (change(C, replaced_unhealthy=B), ended, change(B), change(A))
    assert last_healthy_before(seen, C) == change(A)


def test_changes_together_without_a_release_are_several_applications() -> None:
    both = promotion_message(change(), change(B, application="shop-web"))
    assert both.startswith("Promote several applications to production: shop-api 1a2b3c4, shop-web 1a2b3c4\n")


def test_a_quarantine_names_the_commit_that_began_it_where_there_is_one() -> None:
    back = change(A, rollback_of=B)
    told = [quarantined((one,))[B] for one in (back, change(A, rollback_of=B, revision="9" * 40))]
    assert " by commit" not in told[0]
    assert " by commit 9999999" in told[1]


def test_trailers_of_others_are_left_where_they_are_however_often_they_stand() -> None:
    message = (
        promotion_message(change()) + "Co-authored-by: Ada <ada@acme.example>\nCo-authored-by: Bob <b@acme.example>\n"
    )
    assert [each.digest for each in parse_changes(message, "9" * 40, WHEN)] == [A]


@pytest.mark.parametrize(
    ("fields", "is_good"),
    [
        ({}, True),
        ({"source_commit": "1a2b3c4"}, False),
        ({"source_commit": ""}, False),
        ({"source_commit": "", "clears_quarantine": True}, True),
        ({"source_commit": "1a2b3c4", "clears_quarantine": True}, False),
    ],
)
def test_only_the_end_of_a_quarantine_may_lack_its_commit(fields: dict[str, object], is_good: bool) -> None:
    if is_good:
        assert change(**fields).digest == A  # type: ignore[arg-type]
    else:
        with pytest.raises(ConfigurationError, match="is not a full SHA"):
            change(**fields)  # type: ignore[arg-type]


def test_a_rollback_without_a_reason_ends_its_sentence() -> None:
    told = quarantined((change(A, rollback_of=B), change(A, rollback_of=C, reason="it broke", when=WHEN)))
    assert told == {B: "it was rolled back", C: "it was rolled back on 2026-05-09 12:30 UTC: it broke"}


def test_an_environment_of_which_nothing_is_known_outweighs_one_that_soaks() -> None:
    unknown, known = Soak("staging-eu", None, WHEN), Soak("staging-us", WHEN, WHEN)
    for soaks in ((unknown, known), (known, unknown)):
        answer = decide_soak("production", 3600, soaks, WHEN)
        assert answer is not None
        assert (answer.until, "in staging-eu" in answer.reason) == (None, True)


def test_of_two_freezes_the_one_that_ends_last_is_told() -> None:
    def freeze(until: str, reason: str) -> Freeze:
        value = {"from": "2026-05-01", "until": until, "zone": "UTC", "reason": reason, "environments": []}
        return read_model(Freeze, value)

    freezes = [freeze("2026-05-20", "audit"), freeze("2026-06-01", "fair"), freeze("2026-05-10", "move")]
    answer = decide_opening("production", (), freezes, WHEN)
    assert isinstance(answer, Closed)
    assert answer.reason.endswith("UTC: fair)")
    assert answer.until is not None
    assert answer.until >= datetime(2026, 6, 1, tzinfo=UTC)


@pytest.mark.parametrize(("seconds", "shown"), [(3600, "1 h"), (5400, "1.5 h"), (3540, "59 min"), (60, "1 min")])
def test_how_long_a_window_is_open_is_told_in_hours_from_one_on(seconds: int, shown: str) -> None:
    window = DeploymentWindow(opens="0 9 * * *", open_seconds=seconds, zone="UTC")
    answer = decide_opening("production", (window,), (), WHEN)
    assert isinstance(answer, Closed)
    assert f"'0 9 * * *' UTC for {shown}" in answer.reason


@pytest.mark.parametrize(("is_stopped", "verb"), [(True, "Stop"), (False, "Let go")])
def test_a_turn_of_the_switch_is_told_and_read_back(is_stopped: bool, verb: str) -> None:
    switch = Switch("production", is_stopped, "Ada", "payments fail")
    message = switch_message(switch)
    assert message.startswith(f"{verb} the promotions to production\n\n")
    [found] = find_switches([("A commit of somebody's", "8" * 40, WHEN), (message, "9" * 40, WHEN)], "production")
    assert found == replace(switch, revision="9" * 40, when=WHEN)
    assert " since 2026-05-09 12:30 UTC by Ada" in found.why
    assert " are stopped by Ada" in switch.why
    assert find_switches([(message, "9" * 40, WHEN)], "staging") == ()


def test_a_turn_without_a_reason_says_that_there_is_none() -> None:
    message = "Stop\n\nTidegate-Environment: production\nTidegate-Promotions: stopped\n"
    for text in (message, f"{message}Tidegate-Reason: \n"):
        [found] = find_switches([(text, "9" * 40, WHEN)], "production")
        assert (found.by, found.reason) == ("somebody", "no reason was given")


def test_the_end_of_a_quarantine_is_no_release_to_go_back_to() -> None:
    other = "2" * 40
    changes = (change(A), change(B, source_commit=other, clears_quarantine=True))
    said = f"commit {other} was never in this environment; lately there were: 1a2b3c4"
    assert choose_release(changes, A, other) == NoWayBack(said)
    assert choose_release(changes[1:], A, other) == NoWayBack(said.replace("1a2b3c4", "none"))
    assert choose_release((change(B, source_commit="", clears_quarantine=True),), A, other) == NoWayBack(
        said.replace("1a2b3c4", "none")
    )


def test_the_ten_releases_that_were_there_last_are_named() -> None:
    changes = [change(f"sha256:{number:064x}", source_commit=f"{number:07x}" + "0" * 33) for number in range(1, 13)]
    answer = choose_release(changes, A, "f" * 40)
    assert isinstance(answer, NoWayBack)
    assert answer.reason.partition("there were: ")[2] == ", ".join(f"{number:07x}" for number in range(1, 11))


def new_commits(base: str | None, listed: int, total: int) -> list[str]:
    """What a plan says of the commits that are new."""
    commits = tuple(NewCommit(f"{number:07x}" + "0" * 33, f"Change {number}", "Ada") for number in range(listed))
    plan = Plan(
        candidate=ReleaseCandidate("shop", COMMIT, ImageReference("registry.example/shop", "v2", B)),
        environment="production",
        file="values.yaml",
        before="a",
        after="a",
        rendering=Rendering("", "by helm"),
        changes=ChangeSet(base, COMMIT, Position.AHEAD, commits, total),
        reasons=(),
        approvals=(),
    )
    assert plan.changes_nothing
    assert not replace(plan, after="b").changes_nothing
    lines = list(plan_lines(plan))
    assert lines[-5:] == ["Approvals:", "  nothing", "", "What stands against it now:", "  nothing"]
    return lines[lines.index("Commits that are new there:") + 1 : lines.index("Gates:") - 1]


def test_a_plan_lists_the_newest_commits_and_counts_the_others() -> None:
    assert new_commits("9" * 40, 2, 2) == ["  0000001 Change 1 (Ada)", "  0000000 Change 0 (Ada)"]
    assert new_commits("9" * 40, 0, 0) == ["  nothing"]
    assert new_commits(None, 2, 2) == ["  every one: nothing is known about what runs there now"]
    many = new_commits("9" * 40, 60, 70)
    assert (len(many), many[0], many[-1]) == (51, "  000003b Change 59 (Ada)", "  and 20 older ones")


def test_a_status_as_values_has_all_that_is_known_and_nothing_in_place_of_the_rest() -> None:
    known = change(A, approved_by="Ada", revision="9" * 40, when=WHEN)
    live = EnvironmentStatus("shop-api", "production", A, known, passed("it runs"), "held", ())
    document = {
        "application": "shop-api",
        "environment": "production",
        "digest": A,
        "commit": COMMIT,
        "since": "2026-05-09T12:30:00+00:00",
        "approved_by": "Ada",
        "gitops_commit": "9" * 40,
        "live": {"outcome": "passed", "reason": "it runs"},
        "held": "held",
        "on_the_way": [],
    }
    assert status_document(live) == document
    unasked = replace(live, change=replace(known, approved_by="", when=None), held="")
    assert status_document(unasked) == document | {"approved_by": None, "since": None, "held": None}
    assert status_row(live)[4:] == ("Ada", "passed", "held")
    assert status_row(unasked)[3:] == ("", "nobody was asked", "passed", "")
    assert status_document(replace(live, change=None))["gitops_commit"] is None


def test_a_change_whose_commit_nobody_kept_is_of_an_unknown_one() -> None:
    cleared = change(A, source_commit="", clears_quarantine=True)
    row = status_row(EnvironmentStatus("shop-api", "production", A, cleared, failed("it is Degraded"), "", ()))
    assert row[2] == "unknown aaaaaaaaaaaa"
    assert row[5] == "it is Degraded"
