"""REST endpoints for the reviews and labels of a pull request."""

from starlette.responses import JSONResponse, Response

from deployments.sandbox.github.api import Call, Refused, invalid, page_of, route
from deployments.sandbox.github.pull_request_views import pull_request_view
from deployments.sandbox.github.records import Permission, Review, timestamp
from deployments.sandbox.github.rest_pulls import find_pull
from deployments.sandbox.github.views import JSON, node_id, user_view

_NOT_IN = (
    "Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a "
    "collaborator of the {} repository."
)
_STATES = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}


def create_review(call: Call) -> Response:
    """POST /repos/{owner}/{name}/pulls/{number}/reviews."""
    pull = find_pull(call)
    event = call.text("event", "PullRequestReview") or ""
    if event not in _STATES:
        raise invalid("PullRequestReview", "event")
    if event != "COMMENT" and call.actor.login == pull.author.login:
        verb = "approve" if event == "APPROVE" else "request changes on"
        raise Refused(422, f"Unprocessable Entity: Can not {verb} your own pull request")
    commit = call.text("commit_id", "PullRequestReview") or pull.head_sha
    body = call.text("body", "PullRequestReview") or ""
    review = Review(call.state.next_number(), call.actor, _STATES[event], body, commit, timestamp())
    pull.review(review)
    return JSONResponse(_view(call, review, pull.number))


def list_reviews(call: Call) -> Response:
    """GET /repos/{owner}/{name}/pulls/{number}/reviews: oldest first."""
    pull = find_pull(call)
    reviews, headers = page_of(call, pull.reviews)
    return JSONResponse([_view(call, review, pull.number) for review in reviews], headers=headers)


def request_reviewers(call: Call) -> Response:
    """POST /repos/{owner}/{name}/pulls/{number}/requested_reviewers: all or none of them are asked."""
    pull = find_pull(call)
    people, teams = call.body.get("reviewers") or [], call.body.get("team_reviewers") or []
    if pull.author.login in people:
        raise Refused(422, "Review cannot be requested from pull request author.")
    known = {team for team in call.state.teams if team.partition("/")[0] == call.repository.owner}
    users = [call.state.users.get(login) for login in people]
    are_in = all(user and call.repository.permission_of(user) > Permission.NONE for user in users)
    if not are_in or any(f"{call.repository.owner}/{slug}" not in known for slug in teams):
        raise Refused(422, _NOT_IN.format(call.repository.full_name))
    pull.asked += [login for login in people if login not in pull.asked]
    asked = [f"{call.repository.owner}/{slug}" for slug in teams]
    pull.asked_teams += [team for team in asked if team not in pull.asked_teams]
    return JSONResponse(pull_request_view(call.web, call.repository, pull, call.state.users), 201)


def add_labels(call: Call) -> Response:
    """POST /repos/{owner}/{name}/issues/{number}/labels: those that it has afterwards."""
    pull = find_pull(call)
    names = call.body.get("labels")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise invalid("Label", "name")
    pull.labels += [name for name in dict.fromkeys(names) if name not in pull.labels]
    return JSONResponse([{"name": name, "color": "ededed", "default": False} for name in pull.labels])


def _view(call: Call, review: Review, number: int) -> JSON:
    page = f"{call.web}/{call.repository.full_name}/pull/{number}"
    return {
        "id": review.id,
        "node_id": node_id("PullRequestReview", review.id),
        "user": user_view(call.web, review.author),
        "body": review.body,
        "state": review.state,
        "html_url": f"{page}#pullrequestreview-{review.id}",
        "pull_request_url": f"{call.repository_url}/pulls/{number}",
        "submitted_at": review.submitted_at,
        "commit_id": review.commit,
        "author_association": "COLLABORATOR",
    }


_REPOSITORY = "/repos/{owner}/{name}"
ROUTES = [
    route("POST", f"{_REPOSITORY}/pulls/{{number}}/reviews", create_review, Permission.READ),
    route("GET", f"{_REPOSITORY}/pulls/{{number}}/reviews", list_reviews, Permission.READ),
    route("POST", f"{_REPOSITORY}/pulls/{{number}}/requested_reviewers", request_reviewers, Permission.WRITE),
    route("POST", f"{_REPOSITORY}/issues/{{number}}/labels", add_labels, Permission.WRITE),
]
