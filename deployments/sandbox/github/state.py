"""What the GitHub stand-in holds, and what people do there. Its other half is protocol."""

import itertools
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from deployments.sandbox.github import pull_requests
from deployments.sandbox.github.apps import App, Installation, InstallationToken, Rights, new_token
from deployments.sandbox.github.bare_repository import NOTHING, BareRepository, Identity
from deployments.sandbox.github.code_owners import ask_code_owners
from deployments.sandbox.github.faults import Faults
from deployments.sandbox.github.git_command import run_git
from deployments.sandbox.github.merge_queue import leave_queue
from deployments.sandbox.github.payloads import ping_payload, pull_request_payload, push_payload
from deployments.sandbox.github.pull_requests import PullRequestEvent
from deployments.sandbox.github.rate_limit import RateLimit
from deployments.sandbox.github.records import (
    Activity,
    Delivery,
    Hook,
    Permission,
    PullRequest,
    RefUpdate,
    Repository,
    Review,
    User,
    activity_kind,
    timestamp,
)
from deployments.sandbox.github.views import JSON
from deployments.sandbox.github.webhooks import Outbox, new_delivery, redelivery_of

# https://docs.github.com/webhooks/webhook-events-and-payloads#push
_TAGS_IN_A_PUSH = 3


class GitHubState:
    """Accounts, tokens, and repositories below `root`.

    `web_url` is where the stand-in is served, without a final slash; set it once it is, for it stands in webhooks.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.web_url = ""
        self.faults = Faults()
        self.rate_limit = RateLimit()
        self.users: dict[str, User] = {}
        self.repositories: dict[str, Repository] = {}
        # ORGANISATION/TEAM -> login -> active or pending.
        self.teams: dict[str, dict[str, str]] = {}
        self.lock = threading.RLock()
        self.apps: dict[int, App] = {}
        self.installations: list[Installation] = []
        # How long the tokens of Apps live.
        self.token_seconds = 3600.0
        self._tokens: dict[str, User] = {}
        self._app_tokens: dict[str, InstallationToken] = {}
        self._numbers = itertools.count(1001)
        self._outbox = Outbox(self.faults)

    def next_number(self) -> int:
        """An id that nothing else has."""
        return next(self._numbers)

    def add_user(
        self,
        login: str,
        *,
        token: str | None = None,
        name: str | None = None,
        email: str | None = None,
        is_app: bool = False,
    ) -> User:
        """An account; with `is_app` its token is an App's, and may write check runs."""
        address = email or f"{login}@users.noreply.localhost"
        user = User(self.next_number(), login, name or login, address, is_app)
        self.users[login] = user
        if token:
            self._tokens[token] = user
        return user

    def user_of_token(self, token: str) -> User | None:
        """Whose token this is; of an App's, its bot."""
        app_token = self.app_token(token)
        return app_token.installation.app.bot if app_token else self._tokens.get(token)

    def add_app(self, slug: str, public_key: str, rights: Rights) -> App:
        """An App that signs with the private half of this key (PEM), and asks for these rights."""
        app = App(self.add_user(f"{slug}[bot]", name=slug, is_app=True), public_key, dict(rights))
        self.apps[app.id] = app
        return app

    def install(self, app: App, account: str, repositories: Iterable[str]) -> Installation:
        """Let the App into repositories (`OWNER/NAME`) of one account."""
        installation = Installation(self.next_number(), app, account, set(repositories))
        self.installations.append(installation)
        for name in installation.repositories:
            self.grant(name, app.bot.login, Permission.WRITE)
        return installation

    def issue_token(
        self, installation: Installation, repositories: frozenset[str], rights: Rights
    ) -> InstallationToken:
        """A token of the App, for some of its repositories and rights."""
        token = new_token(installation, repositories, rights, self.token_seconds, self.faults.unknown_tokens)
        self._app_tokens[token.value] = token
        return token

    def app_token(self, value: str) -> InstallationToken | None:
        """The App's token of this value, while it is valid."""
        token = self._app_tokens.get(value)
        return token if token and token.expires > time.time() and not token.installation.is_suspended else None

    def app_tokens(self) -> list[InstallationToken]:
        """Every token of an App, oldest first, whether or not it is still valid."""
        return list(self._app_tokens.values())

    def expire_app_tokens(self) -> None:
        """The hour of every App's token is over."""
        for token in self._app_tokens.values():
            token.expires = 0.0

    def create_repository(self, full_name: str, *, default_branch: str = "main", private: bool = True) -> Repository:
        """An empty `OWNER/NAME`; its owner gets an account, without a token, if there is none."""
        owner, name = full_name.split("/")
        with self.lock:
            user = self.users.get(owner) or self.add_user(owner)
            git = BareRepository(self.root / owner / f"{name}.git")
            git.create(default_branch)
            now = timestamp()
            repository = Repository(self.next_number(), full_name, default_branch, private, git, now, now)
            repository.permissions[user.login] = Permission.ADMIN
            repository.teams = self.teams
            self.repositories[full_name] = repository
            return repository

    def grant(self, full_name: str, login: str, permission: Permission) -> None:
        """Let an account into a repository."""
        self.repositories[full_name].permissions[self.users[login].login] = permission

    def add_hook(
        self, full_name: str, url: str, secret: str | None, events: Iterable[str] = ("push", "pull_request")
    ) -> Hook:
        """Have events of a repository delivered to `url`, signed with the secret; no ping is sent."""
        hook = Hook(self.next_number(), url, secret, tuple(events), timestamp())
        self.repositories[full_name].hooks.append(hook)
        return hook

    def commit(
        self,
        full_name: str,
        branch: str,
        files: Mapping[str, str | None],
        message: str,
        *,
        author_name: str,
        author_email: str,
        parent: str | None = None,
        deliver: bool = False,
    ) -> str:
        """Commit files (path -> new text, None removes) to a branch, which is created if needed, and return the SHA.

        The commit is made on `parent`, else on the branch, else (for a new branch) on the default branch. With
        `deliver` the webhooks go out as after a push by the account with this e-mail address, else by the owner.
        """
        with self.lock:
            repository = self.repositories[full_name]
            git, before = repository.git, repository.git.head(branch)
            parent = parent or before or git.head(repository.default_branch)
            tree = git.tree_with(parent, files)
            sha = git.commit_tree(tree, [parent] if parent else [], message, Identity(author_name, author_email))
            git.move(f"refs/heads/{branch}", sha, before or NOTHING)
            pusher = next((one for one in self.users.values() if one.email == author_email), None)
            update = RefUpdate(f"refs/heads/{branch}", before or NOTHING, sha)
            self.apply_push(repository, [update], pusher or self.users[repository.owner], deliver=deliver)
            return sha

    def apply_push(
        self,
        repository: Repository,
        updates: list[RefUpdate],
        pusher: User,
        *,
        deliver: bool = True,
        activity: str | None = None,
    ) -> None:
        """What follows from references that have moved: it is listed, pull requests follow, hooks are told."""
        with self.lock:
            repository.pushed_at = timestamp()
            for update in (one for one in updates if one.ref.startswith("refs/heads/")):
                kind = activity or activity_kind(update)
                activities = repository.activities
                activities.append(Activity(self.next_number(), update, kind, pusher, repository.pushed_at))
            tags = sum(update.ref.startswith("refs/tags/") for update in updates)
            for update in updates:
                events = pull_requests.follow_push(repository, update, pusher)
                self._tell_upstream(repository, update, pusher)
                if not deliver:
                    continue
                # Of other references, such as notes, nobody is told.
                is_told = update.ref.startswith("refs/heads/") or (
                    update.ref.startswith("refs/tags/") and tags <= _TAGS_IN_A_PUSH
                )
                if is_told:
                    payload = push_payload(self.web_url, repository, update, pusher, self.users)
                    self.deliver(repository, "push", payload)
                for event in events:
                    self._deliver_pull_request(repository, event, pusher)

    def open_pull_request(
        self,
        full_name: str,
        *,
        head: str,
        base: str,
        title: str,
        author: str,
        body: str | None = None,
        draft: bool = False,
        fork: str | None = None,
    ) -> PullRequest:
        """Ask for the merge of a branch, which may be one of a fork; both branches exist. Tells the hooks."""
        with self.lock:
            repository, now = self.repositories[full_name], timestamp()
            source = self.repositories[fork] if fork else repository
            head_sha, base_sha = source.git.head(head), repository.git.head(base)
            if head_sha is None or base_sha is None:
                raise ValueError(f"{full_name} has no branch {head if head_sha is None else base}")
            pull = PullRequest(
                id=self.next_number(),
                number=len(repository.pull_requests) + 1,
                title=title,
                body=body,
                author=self.users[author],
                head=head,
                base=base,
                head_sha=head_sha,
                base_sha=base_sha,
                draft=draft,
                created_at=now,
                updated_at=now,
                fork=source if fork else None,
            )
            repository.pull_requests.append(pull)
            pull_requests.publish_head(repository, pull)
            ask_code_owners(repository, pull, self.users)
            self._deliver_pull_request(repository, PullRequestEvent(pull, "opened"), pull.author)
            return pull

    def close_pull_request(self, full_name: str, number: int, *, by: str) -> None:
        """Close without merging; tells the hooks."""
        with self.lock:
            repository = self.repositories[full_name]
            pull = repository.pull_requests[number - 1]
            event = pull_requests.close(pull)
            leave_queue(repository, pull, "pull request closed")
            self._deliver_pull_request(repository, event, self.users[by])

    def merge_pull_request(
        self,
        full_name: str,
        number: int,
        *,
        by: str,
        method: str = "merge",
        title: str | None = None,
        message: str | None = None,
    ) -> str:
        """Merge in git and return the new commit; raises pull_requests.MergeRefused. Tells the hooks."""
        with self.lock:
            repository, user = self.repositories[full_name], self.users[by]
            pull = repository.pull_requests[number - 1]
            update, event = pull_requests.merge(repository, pull, user, method=method, title=title, message=message)
            self.apply_push(repository, [update], user, activity="pr_merge")
            self._deliver_pull_request(repository, event, user)
            return update.after

    def fork(self, full_name: str, owner: str) -> Repository:
        """A copy of the repository that belongs to someone else."""
        with self.lock:
            upstream = self.repositories[full_name]
            name = f"{owner}/{upstream.name}"
            fork = self.create_repository(name, default_branch=upstream.default_branch, private=False)
            run_git(fork.git.path, "fetch", "--quiet", str(upstream.git.path), "+refs/heads/*:refs/heads/*")
            return fork

    def _tell_upstream(self, fork: Repository, update: RefUpdate, pusher: User) -> None:
        for upstream in self.repositories.values():
            for event in pull_requests.follow_fork(upstream, fork, update):
                self._deliver_pull_request(upstream, event, pusher)

    def review_pull_request(self, full_name: str, number: int, *, by: str, state: str = "APPROVED") -> None:
        """Say something about it as it is now; `state` is GitHub's word, such as CHANGES_REQUESTED."""
        with self.lock:
            pull = self.repositories[full_name].pull_requests[number - 1]
            review = Review(self.next_number(), self.users[by], state, "", pull.head_sha, timestamp())
            pull.review(review)

    def finish_queued(self, full_name: str, number: int, *, thrown_out: str = "") -> None:
        """What the merge queue does once its checks have ended: merge the pull request, or throw it out and say why."""
        with self.lock:
            repository = self.repositories[full_name]
            [entry] = [one for one in repository.merge_queue if one.pull.number == number]
            if not thrown_out:
                self.merge_pull_request(full_name, number, by=entry.enqueuer.login, method="squash")
            leave_queue(repository, entry.pull, thrown_out or "merged")

    def _deliver_pull_request(self, repository: Repository, event: PullRequestEvent, sender: User) -> None:
        payload = pull_request_payload(
            self.web_url, repository, event.pull, event.action, sender, self.users, event.before
        )
        self.deliver(repository, "pull_request", payload)

    def ping(self, repository: Repository, hook: Hook) -> None:
        """Send the hook the event that a new hook gets."""
        payload = ping_payload(self.web_url, repository, hook, self.users[repository.owner], self.users)
        self._outbox.send(hook, new_delivery(hook, repository.id, "ping", payload))

    def deliver(self, repository: Repository, event: str, payload: JSON) -> None:
        """Send an event to every hook that wants it, in the background."""
        for hook in repository.hooks:
            if hook.wants(event):
                self._outbox.send(hook, new_delivery(hook, repository.id, event, payload))

    def redeliver(self, hook: Hook, delivery: Delivery) -> None:
        """Send a delivery again, under its guid, in the background."""
        self._outbox.send(hook, redelivery_of(delivery))

    def wait_for_deliveries(self, seconds: float = 15) -> None:
        """Return when every webhook under way is answered or given up; raises TimeoutError after that time."""
        self._outbox.wait(seconds)
