"""REST endpoints for commit statuses."""

from collections.abc import Iterable

from starlette.responses import JSONResponse, Response

from deployments.sandbox.github.api import Call, Refused, invalid, page_of, route
from deployments.sandbox.github.records import CommitStatus, Permission, timestamp
from deployments.sandbox.github.views import JSON, node_id, repository_view, user_view

_STATES = ("error", "failure", "pending", "success")
_DESCRIPTION_LIMIT = 140
_STATUSES_PER_CONTEXT = 1000


def create_status(call: Call) -> Response:
    """POST /repos/{owner}/{name}/statuses/{sha}."""
    commit = call.commit(call.path["sha"])
    if commit.sha != call.path["sha"]:  # A branch's name is no SHA.
        raise Refused(422, f"No commit found for SHA: {call.path['sha']}")
    if call.body.get("state") not in _STATES:
        raise invalid("Status", "state")
    description = call.text("description", "Status")
    if description and len(description) > _DESCRIPTION_LIMIT:
        text = f"description is too long (maximum is {_DESCRIPTION_LIMIT} characters)"
        raise invalid("Status", "description", message=text)
    context = call.text("context", "Status") or "default"
    of_context = [one for one in call.repository.statuses if (one.sha, one.context) == (commit.sha, context)]
    if len(of_context) >= _STATUSES_PER_CONTEXT:
        raise invalid("Status", "context", message="This SHA and context has reached the maximum number of statuses.")
    status = CommitStatus(
        id=call.state.next_number(),
        sha=commit.sha,
        context=context,
        state=call.body["state"],
        description=description,
        target_url=call.text("target_url", "Status"),
        creator=call.actor,
        created_at=timestamp(),
    )
    call.repository.statuses.append(status)
    return JSONResponse(_status_view(call, status), 201)


def list_statuses(call: Call) -> Response:
    """GET /repos/{owner}/{name}/commits/{ref}/statuses: every one, newest first."""
    sha = call.commit(call.path["ref"]).sha
    statuses, headers = page_of(call, [one for one in reversed(call.repository.statuses) if one.sha == sha])
    return JSONResponse([_status_view(call, status) for status in statuses], headers=headers)


def get_combined_status(call: Call) -> Response:
    """GET /repos/{owner}/{name}/commits/{ref}/status: the latest of each context, and what they come to."""
    sha = call.commit(call.path["ref"]).sha
    latest = list({one.context: one for one in call.repository.statuses if one.sha == sha}.values())
    statuses, headers = page_of(call, latest)
    repository, url = call.repository, call.repository_url
    view = {
        "state": combined_state(one.state for one in latest),
        # Unlike the list, this does not say who wrote them.
        "statuses": [
            {field: value for field, value in _status_view(call, status).items() if field != "creator"}
            for status in statuses
        ],
        "sha": sha,
        "total_count": len(latest),
        "repository": repository_view(call.web, repository, call.state.users[repository.owner]),
        "commit_url": f"{url}/commits/{sha}",
        "url": f"{url}/commits/{sha}/status",
    }
    return JSONResponse(view, headers=headers)


def combined_state(states: Iterable[str]) -> str:
    """One word for all contexts; a commit without any is pending."""
    found = set(states)
    if found & {"error", "failure"}:
        return "failure"
    return "success" if found == {"success"} else "pending"


def _status_view(call: Call, status: CommitStatus) -> JSON:
    creator = user_view(call.web, status.creator)
    return {
        "url": f"{call.repository_url}/statuses/{status.sha}",
        "avatar_url": creator["avatar_url"],
        "id": status.id,
        "node_id": node_id("StatusContext", status.id),
        "state": status.state,
        "description": status.description,
        "target_url": status.target_url,
        "context": status.context,
        "created_at": status.created_at,
        "updated_at": status.created_at,
        "creator": creator,
    }


_REPOSITORY = "/repos/{owner}/{name}"
ROUTES = [
    route("POST", f"{_REPOSITORY}/statuses/{{sha}}", create_status, Permission.WRITE),
    route("GET", f"{_REPOSITORY}/commits/{{ref:path}}/statuses", list_statuses, Permission.READ),
    route("GET", f"{_REPOSITORY}/commits/{{ref:path}}/status", get_combined_status, Permission.READ),
]
