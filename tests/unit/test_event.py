"""What GitHub's events ask for; the payloads are published ones (tests/data/github-webhooks)."""

import json
from pathlib import Path
from typing import Any

import pytest

from tasks.domain.delivery.model import Delivery
from tasks.domain.event import EVENTS, Event, Ignore, StartIntegrate, decide_event

DATA = Path(__file__).parents[1] / "data" / "github-webhooks"
PUSHED = "6113728f27ae82c7b1a177c8d03f9e96e0adf246"
HEAD = "ec26c3e57ca3a959ca5aad62de7213c562f8c821"


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
    assert found == (StartIntegrate("hello", HEAD, pull_request=2),)


def test_a_pull_request_that_is_turned_to_the_mainline_is_checked() -> None:
    turned = event("pull_request/opened", action="edited", changes={"base": {"ref": {"from": "side"}}})
    assert decide_event(turned, delivery()) == (StartIntegrate("hello", HEAD, pull_request=2),)


@pytest.mark.parametrize(
    ("path", "changes", "reason"),
    [
        ("closed", {}, "pull request 2 was closed; runs that check it go on to their end"),
        ("opened", {"action": "labeled"}, "pull request 2 was labeled, which does not change what is checked"),
        (
            "opened",
            {"action": "edited", "changes": {"title": {"from": "x"}}},
            "pull request 2 was edited, which does not change what is checked",
        ),
        (
            "converted_to_draft",
            {},
            "pull request 2 was converted_to_draft, which does not change what is checked",
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
def test_the_code_of_a_fork_is_not_run(head: dict[str, str] | None) -> None:
    found = decide_event(event("pull_request/opened", pull_request__head__repo=head), delivery())
    assert isinstance(found, Ignore)
    assert "comes from a fork; push its commits to a branch of Codertocat/Hello-World" in found.reason


@pytest.mark.parametrize("after", ["HEAD", "--upload-pack=x", "6113728", PUSHED.upper(), PUSHED + "\n", None])
def test_what_is_not_a_full_sha_is_no_push(after: Any) -> None:
    with pytest.raises(ValueError, match="after"):
        event(PUSH, after=after)


def test_a_run_is_found_again_by_its_tags() -> None:
    start = StartIntegrate("hello", HEAD, pull_request=2)
    assert start.tags == ("application:hello", "commit:ec26c3e", "pr:2")
    assert start.parameters == {"application": "hello", "commit": HEAD, "pull_request": 2}
