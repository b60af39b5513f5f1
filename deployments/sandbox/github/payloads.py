"""The bodies of GitHub's webhooks (https://docs.github.com/webhooks/webhook-events-and-payloads)."""

from collections.abc import Mapping
from datetime import datetime

from deployments.sandbox.github.bare_repository import NOTHING
from deployments.sandbox.github.history import Commit, Signature, changed_files, read_commits
from deployments.sandbox.github.pull_request_views import pull_request_view
from deployments.sandbox.github.records import Hook, PullRequest, RefUpdate, Repository, User
from deployments.sandbox.github.views import JSON, repository_url, repository_view, user_view

_ZEN = "Say what was decided, and why."


def push_payload(web: str, repository: Repository, update: RefUpdate, pusher: User, users: Mapping[str, User]) -> JSON:
    """One branch or tag that moved; the new commits are listed oldest first, 2048 at most."""
    page = f"{web}/{repository.full_name}"
    created, deleted = update.before == NOTHING, update.after == NOTHING
    commits = [] if deleted else [_pushed(page, repository, one, users) for one in _new_commits(repository, update)]
    head = None if deleted else read_commits(repository.git.path, f"{update.after}^{{commit}}", limit=1)[0]
    comparison = f"{update.before[:12]}...{update.after[:12]}"
    return {
        "ref": update.ref,
        "before": update.before,
        "after": update.after,
        "created": created,
        "deleted": deleted,
        "forced": not (created or deleted) and not repository.git.is_ancestor(update.before, update.after),
        "base_ref": None,
        "compare": f"{page}/commit/{update.after}" if created else f"{page}/compare/{comparison}",
        "commits": commits,
        "head_commit": _pushed(page, repository, head, users) if head else None,
        "repository": _repository_in_push(web, repository, users[repository.owner]),
        "pusher": {"name": pusher.login, "email": pusher.email},
        "sender": user_view(web, pusher),
    }


def _new_commits(repository: Repository, update: RefUpdate) -> list[Commit]:
    known = [f"^{update.before}"]
    if update.before == NOTHING:
        known = ["--not", f"--exclude={update.ref.removeprefix('refs/heads/')}", "--branches"]
    return read_commits(repository.git.path, update.after, *known)[::-1]


def _pushed(page: str, repository: Repository, commit: Commit, users: Mapping[str, User]) -> JSON:
    base = commit.parents[0] if commit.parents else None
    files = changed_files(repository.git.path, base, commit.sha, follow_renames=False)
    return {
        "id": commit.sha,
        "tree_id": commit.tree,
        "distinct": True,
        "message": commit.message,
        "timestamp": commit.committer.date.isoformat(),
        "url": f"{page}/commit/{commit.sha}",
        "author": _person(commit.author, users),
        "committer": _person(commit.committer, users),
        **{kind: [file.path for file in files if file.kind == kind] for kind in ("added", "removed", "modified")},
    }


def _person(signature: Signature, users: Mapping[str, User]) -> JSON:
    login = next((user.login for user in users.values() if user.email == signature.email), None)
    return {"name": signature.name, "email": signature.email, **({"username": login} if login else {})}


def _repository_in_push(web: str, repository: Repository, owner: User) -> JSON:
    """A push alone shows the page's address as `url`, and moments in seconds since 1970."""
    view = repository_view(web, repository, owner)
    seconds = {field: int(datetime.fromisoformat(view[field]).timestamp()) for field in ("created_at", "pushed_at")}
    owner_view = {"name": owner.login, "email": owner.email, **view["owner"]}
    more = {"url": view["html_url"], "owner": owner_view, "stargazers": 0, "master_branch": repository.default_branch}
    return view | seconds | more


def pull_request_payload(
    web: str,
    repository: Repository,
    pull: PullRequest,
    action: str,
    sender: User,
    users: Mapping[str, User],
    before: str | None = None,
) -> JSON:
    """Something that happened to a pull request; `before` is the head that `synchronize` moved away from."""
    moved = {"before": before, "after": pull.head_sha} if before else {}
    return {
        "action": action,
        "number": pull.number,
        "pull_request": pull_request_view(web, repository, pull, users),
        **moved,
        "repository": repository_view(web, repository, users[repository.owner]),
        "sender": user_view(web, sender),
    }


def ping_payload(web: str, repository: Repository, hook: Hook, sender: User, users: Mapping[str, User]) -> JSON:
    """What a new hook gets first."""
    return {
        "zen": _ZEN,
        "hook_id": hook.id,
        "hook": hook_view(web, repository, hook),
        "repository": repository_view(web, repository, users[repository.owner]),
        "sender": user_view(web, sender),
    }


def hook_view(web: str, repository: Repository, hook: Hook) -> JSON:
    """A repository's hook; GitHub never shows the secret again."""
    url = f"{repository_url(web, repository)}/hooks/{hook.id}"
    last = hook.deliveries[-1] if hook.deliveries else None
    secret = {"secret": "********"} if hook.secret else {}
    return {
        "type": "Repository",
        "id": hook.id,
        "name": "web",
        "active": hook.active,
        "events": list(hook.events),
        "config": {"content_type": "json", "insecure_ssl": "0", "url": hook.url, **secret},
        "updated_at": hook.created_at,
        "created_at": hook.created_at,
        "url": url,
        "test_url": f"{url}/test",
        "ping_url": f"{url}/pings",
        "deliveries_url": f"{url}/deliveries",
        "last_response": {
            "code": last.status_code if last else None,
            "status": ("active" if last.is_accepted else "failed") if last else "unused",
            "message": last.status if last else None,
        },
    }
