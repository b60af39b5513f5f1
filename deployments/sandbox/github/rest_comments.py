"""REST endpoints for the comments below a pull request, which GitHub has under issues."""

from starlette.responses import JSONResponse, Response

from deployments.sandbox.github.api import Call, Refused, page_of, route
from deployments.sandbox.github.records import Comment, Permission, timestamp
from deployments.sandbox.github.rest_pulls import find_pull
from deployments.sandbox.github.views import JSON, node_id, user_view

_RESOURCE = "IssueComment"


def create_comment(call: Call) -> Response:
    """POST /repos/{owner}/{name}/issues/{number}/comments."""
    pull, now = find_pull(call), timestamp()
    body = call.text("body", _RESOURCE, required=True) or ""
    comment = Comment(call.state.next_number(), pull.number, call.actor, body, now, now)
    call.repository.comments.append(comment)
    return JSONResponse(_view(call, comment), 201)


def list_comments(call: Call) -> Response:
    """GET /repos/{owner}/{name}/issues/{number}/comments: oldest first."""
    number = find_pull(call).number
    comments, headers = page_of(call, [one for one in call.repository.comments if one.issue == number])
    return JSONResponse([_view(call, comment) for comment in comments], headers=headers)


def update_comment(call: Call) -> Response:
    """PATCH /repos/{owner}/{name}/issues/comments/{id}."""
    comment = next((one for one in call.repository.comments if str(one.id) == call.path["id"]), None)
    if comment is None:
        raise Refused(404, "Not Found")
    comment.body = call.text("body", _RESOURCE, required=True) or ""
    comment.updated_at = timestamp()
    return JSONResponse(_view(call, comment))


def _view(call: Call, comment: Comment) -> JSON:
    pull_page = f"{call.web}/{call.repository.full_name}/pull/{comment.issue}"
    is_owner = comment.author.login == call.repository.owner
    return {
        "url": f"{call.repository_url}/issues/comments/{comment.id}",
        "html_url": f"{pull_page}#issuecomment-{comment.id}",
        "issue_url": f"{call.repository_url}/issues/{comment.issue}",
        "id": comment.id,
        "node_id": node_id("IssueComment", comment.id),
        "user": user_view(call.web, comment.author),
        "created_at": comment.created_at,
        "updated_at": comment.updated_at,
        "body": comment.body,
        "author_association": "OWNER" if is_owner else "COLLABORATOR",
    }


_ISSUES = "/repos/{owner}/{name}/issues"
ROUTES = [
    route("PATCH", f"{_ISSUES}/comments/{{id}}", update_comment, Permission.WRITE),
    route("POST", f"{_ISSUES}/{{number}}/comments", create_comment, Permission.READ),
    route("GET", f"{_ISSUES}/{{number}}/comments", list_comments, Permission.READ),
]
