"""What GitHub's events ask for; the payloads are published ones (tests/data/github-webhooks)."""

import json
from pathlib import Path
from typing import Any

import pytest

from tasks.domain.delivery.model import Delivery
from tasks.domain.event.asked import Asked, CancelChecks, Decide, Ignore, StartAnswer, StartIntegrate
from tasks.domain.event.decide import decide_event
from tasks.domain.event.payloads import EVENTS, Event

DATA = Path(__file__).parents[1] / "data" / "github-webhooks"
PUSHED = "6113728f27ae82c7b1a177c8d03f9e96e0adf246"
HEAD = "ec26c3e57ca3a959ca5aad62de7213c562f8c821"
MOMENTS = {
    action: json.loads((DATA / "pull_request" / f"{action}.payload.json").read_text())["pull_request"]["updated_at"]
    for action in ("opened", "reopened", "synchronize")
}


def delivery(branch: str = "master", **more: str) -> Delivery:
    def application(name: str) -> dict[str, Any]:
        return {"repository": name, "branch": branch, "image": "acme/x", "checks": {"lint": {"command": ["true"]}}}

    environment = {"argocd": {"application": "x"}, "manifest": {"file": "{application}.yaml"}}
    applications = {"hello": "Codertocat/Hello-World"} | more
    return Delivery.model_validate(
        {
            "version": 1,
            "applications": {name: application(repository) for name, repository in applications.items()},
            "environments": {"staging": environment},
        }
    )


def event(path: str, **changes: Any) -> Event:
    """The published payload with changes at dotted places, such as pull_request__draft=True."""
    file = DATA / f"{path}.payload.json" if "/" in path else DATA / path / "payload.json"
    payload = json.loads(file.read_text())
    for place, value in changes.items():
        *way, last = place.split("__")
        inner = payload
        for step in way:
            inner = inner[step]
        inner[last] = value
    return EVENTS[path.partition("/")[0]].model_validate(payload)


PUSH = "push/with-new-branch"


def test_a_push_to_the_mainline_is_integrated() -> None:
    assert decide_event(event(PUSH), delivery()) == (StartIntegrate("hello", PUSHED),)


def test_repository_names_differ_not_in_upper_and_lower_case() -> None:
    found = decide_event(event(PUSH, repository__full_name="codertocat/hello-world"), delivery())
    assert found == (StartIntegrate("hello", PUSHED),)


def test_every_application_of_the_repository_is_integrated() -> None:
    found = decide_event(event(PUSH), delivery(world="Codertocat/Hello-World", other="acme/other"))
    assert found == (StartIntegrate("hello", PUSHED), StartIntegrate("world", PUSHED))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"ref": "refs/tags/v1"}, "refs/tags/v1 is not a branch"),
        ({"ref": "refs/heads/side"}, "branch side is not the mainline; hello follows master"),
        ({"ref": "refs/heads/x/master"}, "branch x/master is not the mainline; hello follows master"),
        ({"deleted": True, "after": "0" * 40}, "branch master was deleted"),
        (
            {"repository__full_name": "other/Hello-World"},
            "no application in the delivery configuration has the repository other/Hello-World",
        ),
    ],
)
def test_other_pushes_are_ignored_with_a_reason(changes: dict[str, Any], reason: str) -> None:
    assert decide_event(event(PUSH, **changes), delivery()) == Ignore(reason)


def test_the_published_deletion_of_a_tag_is_ignored() -> None:
    assert decide_event(event("push"), delivery()) == Ignore("refs/tags/simple-tag is not a branch")


@pytest.mark.parametrize("action", ["opened", "reopened", "synchronize"])
def test_a_pull_request_to_the_mainline_is_checked_at_its_head(action: str) -> None:
    found = decide_event(event(f"pull_request/{action}"), delivery())
    assert found == (StartIntegrate("hello", HEAD, pull_request=2, moment=MOMENTS[action]),)


def test_a_pull_request_that_is_turned_to_the_mainline_is_checked() -> None:
    turned = event("pull_request/opened", action="edited", changes={"base": {"ref": {"from": "side"}}})
    assert decide_event(turned, delivery()) == (StartIntegrate("hello", HEAD, 2, MOMENTS["opened"]),)


@pytest.mark.parametrize(
    ("path", "changes", "reason"),
    [
        ("opened", {"action": "labeled"}, "pull request 2 was labeled, which does not change what is checked"),
        (
            "opened",
            {"action": "edited", "changes": {"title": {"from": "x"}}},
            "pull request 2 was edited, which does not change what is checked",
        ),
        (
            "synchronize",
            {"pull_request__draft": True},
            "pull request 2 is a draft; it is checked once it is ready for review",
        ),
        (
            "opened",
            {"pull_request__base__ref": "side"},
            "pull request 2 goes to side; hello follows master",
        ),
    ],
)
def test_other_pull_requests_are_ignored_with_a_reason(path: str, changes: dict[str, Any], reason: str) -> None:
    assert decide_event(event(f"pull_request/{path}", **changes), delivery()) == Ignore(reason)


@pytest.mark.parametrize("head", [{"full_name": "stranger/Hello-World"}, None])
def test_the_code_of_a_fork_is_not_run_before_somebody_has_looked(head: dict[str, str] | None) -> None:
    found = decide_event(event("pull_request/opened", pull_request__head__repo=head), delivery())
    assert found == StartAnswer(("hello",), Asked.ADMIT, "Codertocat", 2, HEAD)


@pytest.mark.parametrize(("action", "how"), [("closed", "was closed"), ("converted_to_draft", "is a draft again")])
def test_the_checks_of_a_pull_request_that_nobody_wants_are_cancelled(action: str, how: str) -> None:
    found = decide_event(event(f"pull_request/{action}"), delivery(world="Codertocat/Hello-World"))
    assert found == CancelChecks(("hello", "world"), 2, f"pull request 2 {how}")


def commented(body: str, **changes: Any) -> Event:
    on_a_pull_request = {"issue__pull_request": {"url": "http://127.0.0.1/pulls/1"}, "comment__body": body}
    return event("issue_comment/created", **{**on_a_pull_request, **changes})


@pytest.mark.parametrize(
    ("body", "asked", "commit"),
    [
        ("/retest", Asked.RETEST, None),
        ("Flaky again.\r\n/retest please\r\n", Asked.RETEST, None),
        (f"/ok-to-test {HEAD}", Asked.OK_TO_TEST, HEAD),
        (f"/ok-to-test {HEAD.upper()}", Asked.OK_TO_TEST, HEAD),
        (f"/ok-to-test {HEAD[:12]}", Asked.OK_TO_TEST, None),
        ("/ok-to-test --force", Asked.OK_TO_TEST, None),
    ],
)
def test_a_command_in_a_comment_is_handed_on_with_who_asks(body: str, asked: Asked, commit: str | None) -> None:
    assert decide_event(commented(body), delivery()) == StartAnswer(
        ("hello",), asked, "Codertocat", 1, commit, 492700400
    )


@pytest.mark.parametrize(
    ("body", "changes", "reason"),
    [
        ("You are right!", {}, "the comment is no command"),
        ("> /retest", {}, "the comment is no command"),
        ("    /retest", {}, "the comment is no command"),
        ("/retesting", {}, "the comment is no command"),
        ("/", {}, "the comment is no command"),
        ("/retest", {"action": "edited"}, "a comment was edited; only a new one can be a command"),
        ("/retest", {"issue__pull_request": None}, "1 is not an open pull request"),
        ("/retest", {"issue__state": "closed"}, "1 is not an open pull request"),
        (
            "/retest",
            {"comment__user": {"login": "renovate[bot]", "type": "Bot"}},
            "commands of bots are not followed: two of them could keep each other busy",
        ),
        ("/approve production", {"issue__pull_request": None}, "1 is not an open pull request"),
    ],
)
def test_other_comments_are_ignored_with_a_reason(body: str, changes: dict[str, Any], reason: str) -> None:
    assert decide_event(commented(body, **changes), delivery()) == Ignore(reason)


def test_an_approval_in_a_comment_names_environment_and_commit_and_whom_github_knows() -> None:
    closed = commented("/approve production 1A2B3C4D looks good to me", issue__state="closed")
    assert decide_event(closed, delivery()) == Decide(
        ("hello",), "approve", "production", "1a2b3c4d", "Codertocat", "looks good to me", 1, 492700400
    )
    said = decide_event(commented("/reject staging 1a2b3c4"), delivery())
    assert said == Decide(("hello",), "reject", "staging", "1a2b3c4", "Codertocat", "", 1, 492700400)


@pytest.mark.parametrize("body", ["/approve production", "/approve production 12345", "/approve", "/approve 1a2b3c4 x"])
def test_who_leaves_something_out_is_told_how_it_is_written(body: str) -> None:
    said = "the command has to be `/approve ENVIRONMENT COMMIT`, with at least seven digits of the commit"
    assert decide_event(commented(body), delivery()) == StartAnswer(
        ("hello",), Asked.REPLY, "Codertocat", 1, None, 492700400, said
    )


def test_only_a_retest_is_counted() -> None:
    def tags(asked: Asked) -> tuple[str, ...]:
        return StartAnswer(("hello", "world"), asked, "dana", 7).tags

    assert tags(Asked.RETEST) == ("application:hello", "application:world", "retest:7")
    assert tags(Asked.OK_TO_TEST) == ("application:hello", "application:world")


CHECKED = "d6fde92930d4715a2b49857d24b940956b26d2d3"


@pytest.mark.parametrize(("external_id", "pull_request"), [("hello#7@11111111-1111", 7), ("hello@11111111-1111", None)])
def test_a_check_is_run_again_for_what_it_was_made_for(external_id: str, pull_request: int | None) -> None:
    again = event("check_run/rerequested", repository__full_name="Codertocat/Hello-World")
    ours = again.model_copy(update={"check_run": again.check_run.model_copy(update={"external_id": external_id})})
    found = decide_event(ours, delivery())
    assert isinstance(found, StartAnswer)
    assert (found.applications, found.asked, found.pull_request, found.commit) == (
        ("hello",), Asked.RERUN, pull_request, CHECKED
    )  # fmt: skip


@pytest.mark.parametrize("external_id", ["", "other#7@1", "hello#7", "--exec"])
def test_a_check_run_that_is_not_ours_starts_nothing(external_id: str) -> None:
    changes = {"repository__full_name": "Codertocat/Hello-World", "check_run__external_id": external_id}
    assert decide_event(event("check_run/rerequested", **changes), delivery()) == Ignore(
        "the check run is not one of an application in the delivery configuration"
    )


@pytest.mark.parametrize(("button", "asked"), [("ok-to-test", Asked.OK_TO_TEST), ("retest", Asked.RERUN)])
def test_a_button_means_the_commit_that_it_stands_at(button: str, asked: Asked) -> None:
    changes = {"check_run__external_id": "hello#7@1", "requested_action__identifier": button}
    pressed = event("check_run/requested_action", repository__full_name="Codertocat/Hello-World", **changes)
    found = decide_event(pressed, delivery())
    assert isinstance(found, StartAnswer)
    assert (found.asked, found.commit) == (asked, "5bd5f196a46b8222fb7484f05faba41a73cf34bd")


def test_all_checks_of_a_commit_are_run_again() -> None:
    found = decide_event(event("check_suite/rerequested"), delivery())
    assert found == StartAnswer(("hello",), Asked.RERUN_ALL, "octocoders-linter[bot]", commit=HEAD)


@pytest.mark.parametrize("after", ["HEAD", "--upload-pack=x", "6113728", PUSHED.upper(), PUSHED + "\n", None])
def test_what_is_not_a_full_sha_is_no_push(after: Any) -> None:
    with pytest.raises(ValueError, match="after"):
        event(PUSH, after=after)


def test_a_run_is_found_again_by_its_tags() -> None:
    start = StartIntegrate("hello", HEAD, pull_request=2)
    assert start.tags == ("application:hello", "commit:ec26c3e", "pr:2")
    assert start.parameters == {"application": "hello", "commit": HEAD, "pull_request": 2}


def test_what_a_merge_queue_would_make_the_mainline_is_checked() -> None:
    group = event("merge_group/checks_requested", repository__full_name="Codertocat/Hello-World")
    branch = group.merge_group.base_ref.removeprefix("refs/heads/")
    assert decide_event(group, delivery(branch)) == (StartIntegrate("hello", group.merge_group.head_sha),)
    assert decide_event(group, delivery("other")) == Ignore(f"the merge group is for {branch}; hello follows other")
