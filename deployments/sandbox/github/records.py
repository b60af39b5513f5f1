"""What the GitHub stand-in remembers besides git: people, reports on commits, pull requests, hooks."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any

from deployments.sandbox.github.bare_repository import BareRepository, Identity


class Permission(IntEnum):
    """What someone may do with a repository; each includes those before it."""

    NONE = 0
    READ = 1
    WRITE = 2
    ADMIN = 3

    @property
    def word(self) -> str:
        """As the REST API says it."""
        return self.name.lower()


def timestamp() -> str:
    """Now, as the REST API writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class User:
    """A person or, if `is_app`, a GitHub App's bot: only that may write check runs."""

    id: int
    login: str
    name: str
    email: str
    is_app: bool = False

    @property
    def identity(self) -> Identity:
        """Who this is in a commit."""
        return Identity(self.name, self.email)


@dataclass(frozen=True)
class RefUpdate:
    """One reference that moved; forty zeros stand for its absence."""

    ref: str
    before: str
    after: str


@dataclass(frozen=True)
class CommitStatus:
    """What someone said about a commit under one context."""

    id: int
    sha: str
    context: str
    state: str
    description: str | None
    target_url: str | None
    creator: User
    created_at: str


@dataclass
class CheckRun:
    """One App's check of one commit; the body's own fields stay in GitHub's words."""

    id: int
    app: User
    head_sha: str
    name: str
    status: str = "queued"
    conclusion: str | None = None
    external_id: str = ""
    details_url: str | None = None
    started_at: str | None = None
    completed_at: str | None = None
    title: str | None = None
    summary: str | None = None
    text: str | None = None
    annotations: list[dict[str, Any]] = field(default_factory=list)
    actions: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Comment:
    """What someone wrote below a pull request."""

    id: int
    issue: int
    author: User
    body: str
    created_at: str
    updated_at: str
    # Each with the login of who put it there.
    reactions: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Review:
    """What someone said about a pull request as it was at `commit`; the state is GitHub's word, such as APPROVED."""

    id: int
    author: User
    state: str
    body: str
    commit: str
    submitted_at: str


@dataclass(frozen=True)
class Protection:
    """What the default branch asks of a pull request before it is merged.

    With `is_strict` its branch must also hold all of the base; with `code_owners` one owner of each file it changes has
    to approve; with `merge_queue` it is merged by the queue only.
    """

    reviews: int = 0
    checks: tuple[str, ...] = ()
    is_strict: bool = False
    code_owners: bool = False
    merge_queue: bool = False


@dataclass
class PullRequest:
    """A request to merge one branch of the repository into another."""

    id: int
    number: int
    title: str
    body: str | None
    author: User
    head: str
    base: str
    head_sha: str
    base_sha: str
    draft: bool
    created_at: str
    updated_at: str
    state: str = "open"
    closed_at: str | None = None
    merged_at: str | None = None
    merged_by: User | None = None
    merge_commit_sha: str | None = None
    # Where the head is, if that is a fork.
    fork: "Repository | None" = field(default=None, repr=False)
    labels: list[str] = field(default_factory=list)
    reviews: list[Review] = field(default_factory=list)
    # Logins, and teams as ORGANISATION/TEAM, that were asked for a review and have not given one yet.
    asked: list[str] = field(default_factory=list)
    asked_teams: list[str] = field(default_factory=list)
    # Why it left the merge queue, each time.
    removals: list[str] = field(default_factory=list)

    def review(self, review: Review) -> None:
        """Take a review; who gave it is asked no longer. A team is asked until somebody removes the request."""
        self.reviews.append(review)
        self.asked = [login for login in self.asked if login != review.author.login]


@dataclass(frozen=True)
class QueueEntry:
    """A pull request in the merge queue of its base."""

    id: int
    pull: PullRequest
    enqueuer: User
    enqueued_at: str


@dataclass(frozen=True)
class DeploymentStatus:
    """How far a deployment has come."""

    id: int
    state: str
    creator: User
    description: str
    environment: str
    target_url: str
    environment_url: str
    created_at: str


@dataclass
class Deployment:
    """That a commit is on its way to an environment."""

    id: int
    sha: str
    ref: str
    task: str
    environment: str
    description: str | None
    payload: Any
    creator: User
    transient_environment: bool
    production_environment: bool
    created_at: str
    statuses: list[DeploymentStatus] = field(default_factory=list)


@dataclass(frozen=True)
class Delivery:
    """One attempt to deliver a webhook; a redelivery keeps the guid. 502 and 504 also stand for no answer at all."""

    id: int
    guid: str
    event: str
    action: str | None
    delivered_at: str
    duration: float
    status: str
    status_code: int
    redelivery: bool
    request_headers: dict[str, str] = field(repr=False)
    request_body: bytes = field(repr=False)
    response_headers: dict[str, str] = field(repr=False)
    response_body: str = field(repr=False)

    @property
    def is_accepted(self) -> bool:
        """Whether the receiver answered that it has it."""
        return 200 <= self.status_code < 300


@dataclass
class Hook:
    """Where events of a repository are delivered; `*` means every event."""

    id: int
    url: str
    secret: str | None = field(repr=False)
    events: tuple[str, ...]
    created_at: str
    active: bool = True
    deliveries: list[Delivery] = field(default_factory=list)

    def wants(self, event: str) -> bool:
        """Whether this hook is told of such an event; a ping goes to every hook."""
        return self.active and (event == "ping" or event in self.events or "*" in self.events)


@dataclass(frozen=True)
class Activity:
    """A branch that somebody moved, as the repository's activity page lists it."""

    id: int
    update: RefUpdate
    kind: str
    actor: User
    timestamp: str


def activity_kind(update: RefUpdate) -> str:
    """What moving a branch is called; a push that takes commits back is not told from another."""
    if not update.before.strip("0"):
        return "branch_creation"
    return "push" if update.after.strip("0") else "branch_deletion"


@dataclass
class Repository:
    """A repository and all that hangs on it."""

    id: int
    full_name: str
    default_branch: str
    private: bool
    git: BareRepository
    created_at: str
    pushed_at: str
    permissions: dict[str, Permission] = field(default_factory=dict)
    statuses: list[CommitStatus] = field(default_factory=list)
    check_runs: list[CheckRun] = field(default_factory=list)
    pull_requests: list[PullRequest] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    deployments: list[Deployment] = field(default_factory=list)
    hooks: list[Hook] = field(default_factory=list)
    protection: Protection = Protection()
    # Those of all organisations: ORGANISATION/TEAM -> login -> active or pending.
    teams: dict[str, dict[str, str]] = field(default_factory=dict, repr=False)
    # Not with every plan.
    has_code_owners: bool = True
    # Of a squash that nobody gives a message: COMMIT_MESSAGES, PR_BODY or BLANK.
    squash_merge_commit_message: str = "COMMIT_MESSAGES"
    merge_queue: list[QueueEntry] = field(default_factory=list)
    activities: list[Activity] = field(default_factory=list)

    @property
    def owner(self) -> str:
        """The account it belongs to."""
        return self.full_name.split("/")[0]

    @property
    def name(self) -> str:
        """Without its owner."""
        return self.full_name.split("/")[1]

    def permission_of(self, user: User | None) -> Permission:
        """What someone, or anyone (None), may do here."""
        everyone = Permission.NONE if self.private else Permission.READ
        return max(everyone, self.permissions.get(user.login, Permission.NONE)) if user else everyone
