"""What people do on GitHub besides pushing: they comment, and ask for checks again. Hooks are told.

An App's own webhook is the repository's here; GitHub would tell no other one of checks that are asked for again.

https://docs.github.com/webhooks/webhook-events-and-payloads
"""

from deployments.sandbox.github.apps import App
from deployments.sandbox.github.pull_request_views import pull_request_view
from deployments.sandbox.github.records import CheckRun, Comment, PullRequest, Repository, User, timestamp
from deployments.sandbox.github.rest_checks import check_run_view
from deployments.sandbox.github.rest_comments import comment_view, reactions_view
from deployments.sandbox.github.state import GitHubState
from deployments.sandbox.github.views import JSON, repository_url, repository_view, user_view

_AS_ISSUE: tuple[str, ...] = (
    "id",
    "node_id",
    "number",
    "title",
    "user",
    "labels",
    "state",
    "locked",
    "assignee",
    "assignees",
)
_AS_ISSUE += ("milestone", "comments", "created_at", "updated_at", "closed_at", "author_association", "body")


def write_comment(state: GitHubState, full_name: str, number: int, author: str, body: str) -> Comment:
    """Somebody comments on a pull request."""
    with state.lock:
        repository, user, now = state.repositories[full_name], state.users[author], timestamp()
        comment = Comment(state.next_number(), number, user, body, now, now)
        repository.comments.append(comment)
        payload = {
            "action": "created",
            "issue": _issue(state, repository, repository.pull_requests[number - 1]),
            "comment": comment_view(state.web_url, repository, comment),
        }
        state.deliver(repository, "issue_comment", payload | _where(state, repository, user))
        return comment


def rerequest_check_run(state: GitHubState, full_name: str, check_run: CheckRun, by: str) -> None:
    """Somebody asks for one check again; GitHub tells the App that the check run is from, and nobody else."""
    _tell_app(state, full_name, "check_run", "rerequested", check_run, by)


def request_action(state: GitHubState, full_name: str, check_run: CheckRun, identifier: str, by: str) -> None:
    """Somebody presses one of the buttons that the App has put on its check run."""
    action = {"requested_action": {"identifier": identifier}}
    _tell_app(state, full_name, "check_run", "requested_action", check_run, by, action)


def rerequest_check_suite(state: GitHubState, full_name: str, app: App, sha: str, by: str) -> None:
    """Somebody asks for all checks of an App again."""
    repository = state.repositories[full_name]
    suite = {
        "id": app.id,
        "head_branch": next((pull.head for pull in _pulls(repository, sha)), None),
        "head_sha": sha,
        "status": "completed",
        "app": {"id": app.id, "slug": app.slug},
        "pull_requests": [{"number": pull.number} for pull in _pulls(repository, sha)],
    }
    payload = {"action": "rerequested", "check_suite": suite}
    state.deliver(repository, "check_suite", payload | _where(state, repository, state.users[by]))


def _tell_app(
    state: GitHubState, full_name: str, event: str, action: str, run: CheckRun, by: str, more: JSON | None = None
) -> None:
    repository = state.repositories[full_name]
    payload = {"action": action, "check_run": check_run_view(state.web_url, repository, run), **(more or {})}
    state.deliver(repository, event, payload | _where(state, repository, state.users[by]))


def _pulls(repository: Repository, sha: str) -> list[PullRequest]:
    return [pull for pull in repository.pull_requests if pull.head_sha == sha and pull.fork is None]


def _issue(state: GitHubState, repository: Repository, pull: PullRequest) -> JSON:
    view = pull_request_view(state.web_url, repository, pull, state.users)
    links = {name: view[name] for name in ("url", "html_url", "diff_url", "patch_url")}
    url = repository_url(state.web_url, repository)
    return {
        **{field: view[field] for field in _AS_ISSUE},
        "url": f"{url}/issues/{pull.number}",
        "html_url": view["html_url"],
        "repository_url": url,
        **{f"{name}_url": f"{url}/issues/{pull.number}/{name}" for name in ("comments", "events")},
        "labels_url": f"{url}/issues/{pull.number}/labels{{/name}}",
        "active_lock_reason": None,
        "reactions": reactions_view(f"{url}/issues/{pull.number}", []),
        "pull_request": links,
        "draft": pull.draft,
    }


def _where(state: GitHubState, repository: Repository, sender: User) -> JSON:
    owner = state.users[repository.owner]
    return {"repository": repository_view(state.web_url, repository, owner), "sender": user_view(state.web_url, sender)}
