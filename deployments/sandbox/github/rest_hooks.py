"""REST endpoints for a repository's webhooks and their deliveries; they need administration rights."""

import json

from starlette.responses import JSONResponse, Response

from deployments.sandbox.github.api import Call, Refused, invalid, route
from deployments.sandbox.github.payloads import hook_view
from deployments.sandbox.github.records import Delivery, Hook, Permission
from deployments.sandbox.github.views import JSON

_CURSOR = "v1_"


def create_hook(call: Call) -> Response:
    """POST /repos/{owner}/{name}/hooks; the new hook is pinged."""
    config = call.body.get("config")
    if not isinstance(config, dict) or not isinstance(config.get("url"), str):
        raise invalid("Hook", "url", "missing_field")
    if config.get("content_type", "form") != "json":
        raise invalid("Hook", "content_type", message="the sandbox delivers JSON only; ask for content_type json")
    events = call.body.get("events") or ["push"]
    hook = call.state.add_hook(call.repository.full_name, config["url"], config.get("secret"), events)
    call.state.ping(call.repository, hook)
    return JSONResponse(hook_view(call.web, call.repository, hook), 201)


def list_hooks(call: Call) -> Response:
    """GET /repos/{owner}/{name}/hooks."""
    return JSONResponse([hook_view(call.web, call.repository, hook) for hook in call.repository.hooks])


def ping_hook(call: Call) -> Response:
    """POST /repos/{owner}/{name}/hooks/{id}/pings."""
    call.state.ping(call.repository, _find_hook(call))
    return Response(status_code=204)


def list_deliveries(call: Call) -> Response:
    """GET /repos/{owner}/{name}/hooks/{id}/deliveries?per_page=&cursor=: newest first."""
    size = call.query.get("per_page", "30")
    size_number = min(100, int(size)) if size.isdecimal() and int(size) else 30
    newest_first = sorted(_find_hook(call).deliveries, key=lambda one: -one.id)
    cursor = call.query.get("cursor", "").removeprefix(_CURSOR)
    if cursor and not cursor.isdecimal():
        raise Refused(400, "Invalid cursor")
    rest = [one for one in newest_first if not cursor or one.id < int(cursor)]
    shown, headers = rest[:size_number], {}
    if len(rest) > size_number:
        base = call.url.partition("?")[0]
        headers["Link"] = f'<{base}?per_page={size_number}&cursor={_CURSOR}{shown[-1].id}>; rel="next"'
    return JSONResponse([_view(call, delivery) for delivery in shown], headers=headers)


def get_delivery(call: Call) -> Response:
    """GET /repos/{owner}/{name}/hooks/{id}/deliveries/{delivery}: with request and response."""
    delivery = _find_delivery(call, _find_hook(call))
    response = {"headers": delivery.response_headers, "payload": delivery.response_body}
    request = {"headers": delivery.request_headers, "payload": json.loads(delivery.request_body)}
    return JSONResponse(_view(call, delivery) | {"request": request, "response": response})


def redeliver(call: Call) -> Response:
    """POST /repos/{owner}/{name}/hooks/{id}/deliveries/{delivery}/attempts: sent again under the same guid."""
    hook = _find_hook(call)
    call.state.redeliver(hook, _find_delivery(call, hook))
    return JSONResponse({}, 202)


def _find_hook(call: Call) -> Hook:
    for hook in call.repository.hooks:
        if str(hook.id) == call.path["id"]:
            return hook
    raise Refused(404, "Not Found")


def _find_delivery(call: Call, hook: Hook) -> Delivery:
    for delivery in hook.deliveries:
        if str(delivery.id) == call.path["delivery"]:
            return delivery
    raise Refused(404, "Not Found")


def _view(call: Call, delivery: Delivery) -> JSON:
    fields = ("id", "guid", "delivered_at", "redelivery", "duration", "status", "status_code", "event", "action")
    return {
        **{field: getattr(delivery, field) for field in fields},
        "installation_id": None,
        "repository_id": call.repository.id,
        "throttled_at": None,
        "url": "",
    }


_HOOKS = "/repos/{owner}/{name}/hooks"
ROUTES = [
    route("POST", _HOOKS, create_hook, Permission.ADMIN),
    route("GET", _HOOKS, list_hooks, Permission.ADMIN),
    route("POST", f"{_HOOKS}/{{id}}/pings", ping_hook, Permission.ADMIN),
    route("GET", f"{_HOOKS}/{{id}}/deliveries", list_deliveries, Permission.ADMIN),
    route("GET", f"{_HOOKS}/{{id}}/deliveries/{{delivery}}", get_delivery, Permission.ADMIN),
    route("POST", f"{_HOOKS}/{{id}}/deliveries/{{delivery}}/attempts", redeliver, Permission.ADMIN),
]
