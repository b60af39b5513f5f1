"""REST endpoints for pull requests."""

from starlette.responses import JSONResponse, Response

from deployments.sandbox.github.api import Call, Refused, invalid, page_of, route
from deployments.sandbox.github.commit_views import commit_view, file_view
from deployments.sandbox.github.history import changed_files, read_commits
from deployments.sandbox.github.pull_request_views import pull_request_view
from deployments.sandbox.github.pull_requests import MergeRefused
from deployments.sandbox.github.records import Permission, PullRequest, timestamp
from deployments.sandbox.github.views import JSON

_RESOURCE = "PullRequest"
_METHODS = ("merge", "squash", "rebase")


def create_pull(call: Call) -> Response:
    """POST /repos/{owner}/{name}/pulls."""
    head = (call.text("head", _RESOURCE, required=True) or "").removeprefix(f"{call.repository.owner}:")
    base = call.text("base", _RESOURCE, required=True) or ""
    title = call.text("title", _RESOURCE, required=True) or ""
    _require_difference(call, head, base)
    pull = call.state.open_pull_request(
        call.repository.full_name,
        head=head,
        base=base,
        title=title,
        author=call.actor.login,
        body=call.text("body", _RESOURCE),
        draft=call.body.get("draft") is True,
    )
    return JSONResponse(_view(call, pull), 201)


def _require_difference(call: Call, head: str, base: str) -> None:
    git, owner = call.repository.git, call.repository.owner
    tips = {"head": git.head(head), "base": git.head(base)}
    for field, tip in tips.items():
        if tip is None:
            raise invalid(_RESOURCE, field)
    if git.count(tips["base"] or "", tips["head"] or "") == 0:
        raise _custom(f"No commits between {base} and {head}")
    is_same = [(pull.state, pull.head, pull.base) == ("open", head, base) for pull in call.repository.pull_requests]
    if any(is_same):
        raise _custom(f"A pull request already exists for {owner}:{head}.")


def _custom(message: str) -> Refused:
    return Refused(422, "Validation Failed", [{"resource": _RESOURCE, "code": "custom", "message": message}])


def list_pulls(call: Call) -> Response:
    """GET /repos/{owner}/{name}/pulls?state=&head=OWNER:BRANCH&base=: newest first."""
    state, owner = call.query.get("state", "open"), call.repository.owner
    wanted = [
        pull
        for pull in reversed(call.repository.pull_requests)
        if state in ("all", pull.state)
        and call.query.get("head") in (None, "", f"{owner}:{pull.head}")
        and call.query.get("base") in (None, "", pull.base)
    ]
    shown, headers = page_of(call, wanted)
    return JSONResponse([_view(call, pull) for pull in shown], headers=headers)


def get_pull(call: Call) -> Response:
    """GET /repos/{owner}/{name}/pulls/{number}."""
    return JSONResponse(_view(call, find_pull(call)))


def update_pull(call: Call) -> Response:
    """PATCH /repos/{owner}/{name}/pulls/{number}: title, body, or `state: closed`."""
    pull = find_pull(call)
    if call.body.get("state") not in (None, "closed", pull.state):
        raise _custom("A closed pull request cannot be reopened in the sandbox; open a new one")
    pull.title = call.text("title", _RESOURCE) or pull.title
    pull.body = call.text("body", _RESOURCE) if "body" in call.body else pull.body
    pull.updated_at = timestamp()
    if call.body.get("state") == "closed" and pull.state == "open":
        call.state.close_pull_request(call.repository.full_name, pull.number, by=call.actor.login)
    return JSONResponse(_view(call, pull))


def merge_pull(call: Call) -> Response:
    """PUT /repos/{owner}/{name}/pulls/{number}/merge: `sha` is what the head must still be."""
    pull = find_pull(call)
    method = call.text("merge_method", _RESOURCE) or "merge"
    if method not in _METHODS:
        raise invalid(_RESOURCE, "merge_method")
    if call.repository.protection.merge_queue:
        raise Refused(405, "Changes must be made through the merge queue")
    if call.text("sha", _RESOURCE) not in (None, pull.head_sha):
        raise Refused(409, "Head branch was modified. Review and try the merge again.")
    try:
        sha = call.state.merge_pull_request(
            call.repository.full_name,
            pull.number,
            by=call.actor.login,
            method=method,
            title=call.text("commit_title", _RESOURCE),
            message=call.text("commit_message", _RESOURCE),
        )
    except MergeRefused as refused:
        raise Refused(refused.status, str(refused)) from refused
    return JSONResponse({"sha": sha, "merged": True, "message": "Pull Request successfully merged"})


def is_merged(call: Call) -> Response:
    """GET /repos/{owner}/{name}/pulls/{number}/merge: 204 or 404."""
    if find_pull(call).merged_at is None:
        raise Refused(404, "Not Found")
    return Response(status_code=204)


def list_files(call: Call) -> Response:
    """GET /repos/{owner}/{name}/pulls/{number}/files: against the common ancestor, as GitHub shows them."""
    pull, git = find_pull(call), call.repository.git
    start = git.merge_base(pull.base_sha, pull.head_sha)
    files, headers = page_of(call, changed_files(git.path, start, pull.head_sha))
    views = [file_view(call.web, call.repository, file, start, pull.head_sha) for file in files]
    return JSONResponse(views, headers=headers)


def list_pull_commits(call: Call) -> Response:
    """GET /repos/{owner}/{name}/pulls/{number}/commits: oldest first."""
    pull = find_pull(call)
    by_email = {user.email: user for user in call.state.users.values()}
    found = read_commits(call.repository.git.path, pull.head_sha, f"^{pull.base_sha}", limit=250)[::-1]
    commits, headers = page_of(call, found)
    return JSONResponse([commit_view(call.web, call.repository, one, by_email) for one in commits], headers=headers)


def find_pull(call: Call) -> PullRequest:
    """The pull request in the path; raises Refused (404)."""
    for pull in call.repository.pull_requests:
        if str(pull.number) == call.path["number"]:
            return pull
    raise Refused(404, "Not Found")


def _view(call: Call, pull: PullRequest) -> JSON:
    return pull_request_view(call.web, call.repository, pull, call.state.users)


_PULLS = "/repos/{owner}/{name}/pulls"
ROUTES = [
    route("POST", _PULLS, create_pull, Permission.WRITE),
    route("GET", _PULLS, list_pulls, Permission.READ),
    route("GET", f"{_PULLS}/{{number}}", get_pull, Permission.READ),
    route("PATCH", f"{_PULLS}/{{number}}", update_pull, Permission.WRITE),
    route("PUT", f"{_PULLS}/{{number}}/merge", merge_pull, Permission.WRITE),
    route("GET", f"{_PULLS}/{{number}}/merge", is_merged, Permission.READ),
    route("GET", f"{_PULLS}/{{number}}/files", list_files, Permission.READ),
    route("GET", f"{_PULLS}/{{number}}/commits", list_pull_commits, Permission.READ),
]
