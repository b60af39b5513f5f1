"""REST endpoints for teams, and for who moved which branch."""

from starlette.responses import JSONResponse, Response

from deployments.sandbox.github.api import Call, Refused, page_of, route
from deployments.sandbox.github.records import Activity, Permission
from deployments.sandbox.github.views import JSON, node_id, user_view


def get_membership(call: Call) -> Response:
    """GET /orgs/{org}/teams/{team}/memberships/{login}: 404 for who is not in it; no name minds its case."""
    if call.user is None:
        raise Refused(404, "Not Found")
    wanted = "{org}/{team}".format(**call.path).casefold()
    members = next((people for team, people in call.state.teams.items() if team.casefold() == wanted), {})
    state = next((state for login, state in members.items() if login.casefold() == call.path["login"].casefold()), None)
    if state is None:
        raise Refused(404, "Not Found")
    return JSONResponse({"url": call.url, "role": "member", "state": state})


def list_activities(call: Call) -> Response:
    """GET /repos/{owner}/{name}/activity?ref=: who moved which branch, newest first; a branch's short name will do."""
    wanted = call.query.get("ref")
    newest_first = [
        one
        for one in reversed(call.repository.activities)
        if wanted in (None, one.update.ref, one.update.ref.removeprefix("refs/heads/"))
    ]
    found, headers = page_of(call, newest_first)
    return JSONResponse([_view(call, one) for one in found], headers=headers)


def _view(call: Call, one: Activity) -> JSON:
    return {
        "id": one.id,
        "node_id": node_id("Push", one.id),
        "before": one.update.before,
        "after": one.update.after,
        "ref": one.update.ref,
        "timestamp": one.timestamp,
        "activity_type": one.kind,
        "actor": user_view(call.web, one.actor),
    }


ROUTES = [
    route("GET", "/orgs/{org}/teams/{team}/memberships/{login}", get_membership),
    route("GET", "/repos/{owner}/{name}/activity", list_activities, Permission.READ),
]
