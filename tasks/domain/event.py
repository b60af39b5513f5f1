"""What a GitHub event asks for: integrations to start, or nothing, with the reason.

Payloads are https://docs.github.com/webhooks/webhook-events-and-payloads; only what a decision needs is read of them,
and nothing that names an address: where a repository is cloned from is for the configuration to say.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from tasks.domain.delivery.application import Application
from tasks.domain.delivery.model import Delivery

Sha = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")]

_BRANCHES = "refs/heads/"
_NOTHING = "0" * 40
_CHECKED_ACTIONS = frozenset({"opened", "reopened", "synchronize", "ready_for_review"})


class _Payload(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Repository(_Payload):
    """The repository that an event is about, as OWNER/NAME."""

    full_name: str


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


class BaseChange(_Payload):
    """There where a pull request was turned to another branch."""

    base: dict[str, object] | None = None


class PullRequestEvent(_Payload):
    """Something happened to a pull request."""

    action: str
    number: Annotated[int, Field(gt=0)]
    pull_request: PullRequest
    changes: BaseChange = BaseChange()
    repository: Repository


@dataclass(frozen=True, slots=True)
class StartIntegrate:
    """One run of the integrate flow to start; with a pull request's number it is checked only."""

    application: str
    commit: str
    pull_request: int | None = None

    @property
    def name(self) -> str:
        """How people see the run in a list."""
        return f"{self.application} {self.commit[:7]}"

    @property
    def parameters(self) -> dict[str, object]:
        """What the integrate flow is called with."""
        return {"application": self.application, "commit": self.commit, "pull_request": self.pull_request}

    @property
    def tags(self) -> tuple[str, ...]:
        """By what the run is found again."""
        pull_request = (f"pr:{self.pull_request}",) if self.pull_request else ()
        return (f"application:{self.application}", f"commit:{self.commit[:7]}", *pull_request)


@dataclass(frozen=True, slots=True)
class Ignore:
    """Nothing is started, and why."""

    reason: str


Event = PushEvent | PullRequestEvent
# Several applications may live in one repository; each is integrated by a run of its own.
EventDecision = tuple[StartIntegrate, ...] | Ignore

EVENTS: dict[str, type[PushEvent] | type[PullRequestEvent]] = {"push": PushEvent, "pull_request": PullRequestEvent}


def decide_event(event: Event, delivery: Delivery) -> EventDecision:
    """What to start for the event, under this configuration; an Ignore says why nothing."""
    applications = dict(_applications_of(event.repository, delivery))
    if not applications:
        return Ignore(f"no application in the delivery configuration has the repository {event.repository.full_name}")
    match event:
        case PushEvent():
            return _decide_push(event, applications)
        case PullRequestEvent():
            return _decide_pull_request(event, applications)


def _applications_of(repository: Repository, delivery: Delivery) -> Iterator[tuple[str, Application]]:
    for name, application in delivery.applications.items():
        # GitHub's names differ in nothing but upper and lower case.
        if application.repository.casefold() == repository.full_name.casefold():
            yield name, application


def _decide_push(push: PushEvent, applications: dict[str, Application]) -> EventDecision:
    if not push.ref.startswith(_BRANCHES):
        return Ignore(f"{push.ref} is not a branch")
    branch = push.ref.removeprefix(_BRANCHES)
    if push.deleted or push.after == _NOTHING:
        return Ignore(f"branch {branch} was deleted")
    starts = tuple(StartIntegrate(name, push.after) for name, app in applications.items() if app.branch == branch)
    return starts or Ignore(f"branch {branch} is not the mainline; {_mainlines(applications)}")


def _decide_pull_request(event: PullRequestEvent, applications: dict[str, Application]) -> EventDecision:
    number, head, base = event.number, event.pull_request.head, event.pull_request.base
    if event.action == "closed":
        return Ignore(f"pull request {number} was closed; runs that check it go on to their end")
    is_turned = event.action == "edited" and event.changes.base is not None
    if event.action not in _CHECKED_ACTIONS and not is_turned:
        return Ignore(f"pull request {number} was {event.action}, which does not change what is checked")
    if event.pull_request.draft:
        return Ignore(f"pull request {number} is a draft; it is checked once it is ready for review")
    if head.repo is None or head.repo.full_name.casefold() != event.repository.full_name.casefold():
        # Its checks would run on our workers, with what these may reach, before anyone has read them.
        return Ignore(
            f"pull request {number} comes from a fork; push its commits to a branch of "
            f"{event.repository.full_name} to have them checked"
        )
    starts = tuple(
        StartIntegrate(name, head.sha, pull_request=number)
        for name, application in applications.items()
        if application.branch == base.ref
    )
    return starts or Ignore(f"pull request {number} goes to {base.ref}; {_mainlines(applications)}")


def _mainlines(applications: dict[str, Application]) -> str:
    return ", ".join(f"{name} follows {application.branch}" for name, application in applications.items())
