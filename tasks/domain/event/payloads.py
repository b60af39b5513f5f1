"""What is read of GitHub's events (https://docs.github.com/webhooks/webhook-events-and-payloads).

Only what a decision needs, and nothing that names an address: where a repository is cloned from is for the
configuration to say.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Sha = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")]
Number = Annotated[int, Field(gt=0)]


class _Payload(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Repository(_Payload):
    """The repository that an event is about, as OWNER/NAME."""

    full_name: str


class Account(_Payload):
    """Who did something; `type` is Bot for an App."""

    login: str
    type: str = "User"


class PushEvent(_Payload):
    """Commits came to a branch or tag, or one of these was deleted; then `after` is all zeros."""

    ref: str
    after: Sha
    deleted: bool = False
    repository: Repository


class HeadOrBase(_Payload):
    """One end of a pull request; the repository is missing where a fork was deleted."""

    ref: str
    sha: Sha
    repo: Repository | None = None


class PullRequest(_Payload):
    """The pull request as it is after the event."""

    draft: bool = False
    head: HeadOrBase
    base: HeadOrBase
    updated_at: str = ""


class BaseChange(_Payload):
    """There where a pull request was turned to another branch."""

    base: dict[str, object] | None = None


class PullRequestEvent(_Payload):
    """Something happened to a pull request."""

    action: str
    number: Number
    pull_request: PullRequest
    changes: BaseChange = BaseChange()
    repository: Repository
    sender: Account


class Issue(_Payload):
    """What was commented on; `pull_request` is there only where it is one."""

    number: Number
    state: str = "open"
    pull_request: dict[str, object] | None = None


class Comment(_Payload):
    """A comment; the account is missing where it was deleted."""

    id: Number
    body: str | None = None
    user: Account | None = None


class CommentEvent(_Payload):
    """Somebody commented on an issue or a pull request."""

    action: str
    issue: Issue
    comment: Comment
    repository: Repository


class CheckRun(_Payload):
    """A check run of ours; `external_id` says which run it is from."""

    head_sha: Sha
    name: str = ""
    external_id: str | None = None


class RequestedAction(_Payload):
    """The button that was pressed."""

    identifier: str = ""


class CheckRunEvent(_Payload):
    """Somebody asks for a check again, or presses one of its buttons; GitHub tells only the App that it is from."""

    action: str
    check_run: CheckRun
    requested_action: RequestedAction = RequestedAction()
    repository: Repository
    sender: Account


class CheckSuite(_Payload):
    """All checks of one App on one commit."""

    head_sha: Sha


class CheckSuiteEvent(_Payload):
    """Somebody asks for all checks again."""

    action: str
    check_suite: CheckSuite
    repository: Repository
    sender: Account


class MergeGroup(_Payload):
    """What a merge queue would make the mainline's next commit."""

    head_sha: Sha
    base_ref: str


class MergeGroupEvent(_Payload):
    """A merge queue wants to know whether a commit passes before it becomes the mainline's."""

    action: str
    merge_group: MergeGroup
    repository: Repository


Event = PushEvent | PullRequestEvent | CommentEvent | CheckRunEvent | CheckSuiteEvent | MergeGroupEvent

EVENTS: dict[str, type[Event]] = {
    "push": PushEvent,
    "pull_request": PullRequestEvent,
    "issue_comment": CommentEvent,
    "check_run": CheckRunEvent,
    "check_suite": CheckSuiteEvent,
    "merge_group": MergeGroupEvent,
}
