"""REST endpoints for the comments below a pull request, which GitHub has under issues."""

from collections import Counter

from starlette.responses import JSONResponse, Response

from deployments.sandbox.github.api import Call, Refused, invalid, page_of, route
from deployments.sandbox.github.records import Comment, Permission, Repository, timestamp
from deployments.sandbox.github.rest_pulls import find_pull
from deployments.sandbox.github.views import JSON, node_id, repository_url, user_view

_RESOURCE = "IssueComment"
_REACTIONS = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")


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
    comment = _find(call)
    if comment.author != call.actor and call.repository.permission_of(call.actor) < Permission.WRITE:
        raise Refused(403, "Must have admin rights to Repository.")
    comment.body = call.text("body", _RESOURCE, required=True) or ""
    comment.updated_at = timestamp()
    return JSONResponse(_view(call, comment))


def create_reaction(call: Call) -> Response:
    """POST /repos/{owner}/{name}/issues/comments/{id}/reactions: 200 where the caller had put it there before."""
    comment, content = _find(call), call.text("content", "Reaction", required=True) or ""
    if content not in _REACTIONS:
        raise invalid("Reaction", "content")
    reaction = (content, call.actor.login)
    is_new = reaction not in comment.reactions
    if is_new:
        comment.reactions.append(reaction)
    view = {"id": comment.id, "content": content, "user": user_view(call.web, call.actor)}
    return JSONResponse(view, 201 if is_new else 200)


def _find(call: Call) -> Comment:
    comment = next((one for one in call.repository.comments if str(one.id) == call.path["id"]), None)
    if comment is None:
        raise Refused(404, "Not Found")
    return comment


def comment_view(web: str, repository: Repository, comment: Comment) -> JSON:
    """A comment as the REST API and the webhooks show it."""
    page = f"{web}/{repository.full_name}/pull/{comment.issue}"
    url = repository_url(web, repository)
    is_owner = comment.author.login == repository.owner
    return {
        "url": f"{url}/issues/comments/{comment.id}",
        "html_url": f"{page}#issuecomment-{comment.id}",
        "issue_url": f"{url}/issues/{comment.issue}",
        "id": comment.id,
        "node_id": node_id("IssueComment", comment.id),
        "user": user_view(web, comment.author),
        "created_at": comment.created_at,
        "updated_at": comment.updated_at,
        "body": comment.body,
        "author_association": "OWNER" if is_owner else "COLLABORATOR",
        "performed_via_github_app": None,
        "reactions": reactions_view(f"{url}/issues/comments/{comment.id}", comment.reactions),
    }


def reactions_view(url: str, reactions: list[tuple[str, str]]) -> JSON:
    """How many signs of each kind are under what is at this address."""
    counts = Counter(content for content, _ in reactions)
    return {
        "url": f"{url}/reactions",
        "total_count": len(reactions),
        **{content: counts[content] for content in _REACTIONS},
    }


def _view(call: Call, comment: Comment) -> JSON:
    return comment_view(call.web, call.repository, comment)


_ISSUES = "/repos/{owner}/{name}/issues"
ROUTES = [
    route("PATCH", f"{_ISSUES}/comments/{{id}}", update_comment, Permission.READ),
    route("POST", f"{_ISSUES}/comments/{{id}}/reactions", create_reaction, Permission.READ),
    route("POST", f"{_ISSUES}/{{number}}/comments", create_comment, Permission.READ),
    route("GET", f"{_ISSUES}/{{number}}/comments", list_comments, Permission.READ),
]
