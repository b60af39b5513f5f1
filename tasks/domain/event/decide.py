"""What a GitHub event asks for, under this configuration; an Ignore says why nothing."""

from collections.abc import Iterator

from tasks.domain.delivery.application import Application
from tasks.domain.delivery.model import Delivery
from tasks.domain.event.asked import Asked, CancelChecks, Decide, EventDecision, Ignore, StartAnswer, StartIntegrate
from tasks.domain.event.command import Incomplete, Opinion, parse_command
from tasks.domain.event.payloads import (
    CheckRunEvent,
    CheckSuiteEvent,
    CommentEvent,
    Event,
    MergeGroupEvent,
    PullRequestEvent,
    PushEvent,
    Repository,
)
from tasks.domain.feedback.check import OK_TO_TEST
from tasks.domain.feedback.origin import parse_origin
from tasks.domain.gates.gate import AGGREGATE

_BRANCHES = "refs/heads/"
_NOTHING = "0" * 40
_CHECKED_ACTIONS = frozenset({"opened", "reopened", "synchronize", "ready_for_review"})
Applications = dict[str, Application]


def decide_event(event: Event, delivery: Delivery) -> EventDecision:
    """What to do for the event; that a person may ask for it is not decided here."""
    applications = dict(_applications_of(event.repository, delivery))
    if not applications:
        return Ignore(f"no application in the delivery configuration has the repository {event.repository.full_name}")
    match event:
        case PushEvent():
            return _decide_push(event, applications)
        case PullRequestEvent():
            return _decide_pull_request(event, applications)
        case CommentEvent():
            return _decide_comment(event, applications)
        case CheckRunEvent():
            return _decide_check_run(event, applications)
        case CheckSuiteEvent():
            return _decide_check_suite(event, applications)
        case MergeGroupEvent():
            return _decide_merge_group(event, applications)


def _applications_of(repository: Repository, delivery: Delivery) -> Iterator[tuple[str, Application]]:
    for name, application in delivery.applications.items():
        # GitHub's names differ in nothing but upper and lower case.
        if application.repository.casefold() == repository.full_name.casefold():
            yield name, application


def _decide_push(push: PushEvent, applications: Applications) -> EventDecision:
    if not push.ref.startswith(_BRANCHES):
        return Ignore(f"{push.ref} is not a branch")
    branch = push.ref.removeprefix(_BRANCHES)
    if push.deleted or push.after == _NOTHING:
        return Ignore(f"branch {branch} was deleted")
    starts = tuple(StartIntegrate(name, push.after) for name, app in applications.items() if app.branch == branch)
    return starts or Ignore(f"branch {branch} is not the mainline; {_mainlines(applications)}")


def _decide_pull_request(event: PullRequestEvent, applications: Applications) -> EventDecision:
    number, head, base = event.number, event.pull_request.head, event.pull_request.base
    if event.action in {"closed", "converted_to_draft"}:
        how = "was closed" if event.action == "closed" else "is a draft again"
        return CancelChecks(tuple(applications), number, f"pull request {number} {how}")
    is_turned = event.action == "edited" and event.changes.base is not None
    if event.action not in _CHECKED_ACTIONS and not is_turned:
        return Ignore(f"pull request {number} was {event.action}, which does not change what is checked")
    if event.pull_request.draft:
        return Ignore(f"pull request {number} is a draft; it is checked once it is ready for review")
    checking = tuple(name for name, application in applications.items() if application.branch == base.ref)
    if not checking:
        return Ignore(f"pull request {number} goes to {base.ref}; {_mainlines(applications)}")
    if head.repo is None or head.repo.full_name.casefold() != event.repository.full_name.casefold():
        # Its checks would run on our workers, with what these may reach, before anyone has read them.
        return StartAnswer(checking, Asked.ADMIT, event.sender.login, number, head.sha)
    moment = event.pull_request.updated_at
    return tuple(StartIntegrate(name, head.sha, number, moment) for name in checking)


def _decide_comment(event: CommentEvent, applications: Applications) -> EventDecision:
    number, author = event.issue.number, event.comment.user
    if event.action != "created":
        return Ignore(f"a comment was {event.action}; only a new one can be a command")
    command = parse_command(event.comment.body or "")
    if command is None:
        return Ignore("the comment is no command")
    if author is None or author.type == "Bot":
        return Ignore("commands of bots are not followed: two of them could keep each other busy")
    if isinstance(command, Opinion):
        # Most are given below a pull request that was merged long ago.
        where = (command.decision, command.environment, command.commit)
        return Decide(tuple(applications), *where, author.login, command.comment, number, event.comment.id)
    if isinstance(command, Incomplete) and event.issue.pull_request is not None:
        said = f"the command has to be {command.form}"
        return StartAnswer(tuple(applications), Asked.REPLY, author.login, number, None, event.comment.id, said)
    if isinstance(command, Incomplete) or event.issue.pull_request is None or event.issue.state != "open":
        return Ignore(f"{number} is not an open pull request")
    return StartAnswer(tuple(applications), command.asked, author.login, number, command.commit, event.comment.id)


def _decide_check_run(event: CheckRunEvent, applications: Applications) -> EventDecision:
    if event.action not in {"rerequested", "requested_action"}:
        return Ignore(f"a check run was {event.action}, which is our own doing")
    origin = parse_origin(event.check_run.external_id or "")
    if origin is None or origin.application not in applications:
        return Ignore("the check run is not one of an application in the delivery configuration")
    commit = event.check_run.head_sha
    if event.check_run.name == AGGREGATE and len(applications) > 1:
        # It stands for all of them, whichever run made it.
        return StartAnswer(tuple(applications), Asked.RERUN_ALL, event.sender.login, commit=commit)
    is_read = event.action == "requested_action" and event.requested_action.identifier == OK_TO_TEST.identifier
    asked = Asked.OK_TO_TEST if is_read else Asked.RERUN
    return StartAnswer((origin.application,), asked, event.sender.login, origin.pull_request, commit)


def _decide_check_suite(event: CheckSuiteEvent, applications: Applications) -> EventDecision:
    if event.action != "rerequested":
        return Ignore(f"a check suite was {event.action}; a push or a pull request says what to check")
    commit = event.check_suite.head_sha
    return StartAnswer(tuple(applications), Asked.RERUN_ALL, event.sender.login, commit=commit)


def _decide_merge_group(event: MergeGroupEvent, applications: Applications) -> EventDecision:
    if event.action != "checks_requested":
        return Ignore(f"a merge group was {event.action}")
    branch, commit = event.merge_group.base_ref.removeprefix(_BRANCHES), event.merge_group.head_sha
    # Checked only: it is built once it is on the mainline, which integrate finds out.
    starts = tuple(StartIntegrate(name, commit) for name, app in applications.items() if app.branch == branch)
    return starts or Ignore(f"the merge group is for {branch}; {_mainlines(applications)}")


def _mainlines(applications: Applications) -> str:
    return ", ".join(f"{name} follows {application.branch}" for name, application in applications.items())
