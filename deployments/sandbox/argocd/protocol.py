"""Argo CD's REST API over a state: the routes, and what the gateway does before any of them."""

from collections.abc import Iterable
from typing import Any

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from deployments.sandbox.argocd import acting, reading, resource_actions
from deployments.sandbox.argocd.call import Endpoint, endpoint
from deployments.sandbox.argocd.session import session_endpoints
from deployments.sandbox.argocd.state import ArgoCDState
from deployments.sandbox.argocd.stream import application_events, stream_endpoint, tree_events
from deployments.sandbox.argocd.webhook import webhook_endpoint

_V1 = "/api/v1"
_APPLICATION = f"{_V1}/applications/{{name}}"
_ENDPOINTS: dict[tuple[str, str], Endpoint] = {
    ("GET", f"{_V1}/applications"): reading.list_applications,
    ("GET", _APPLICATION): reading.get_application,
    ("POST", f"{_APPLICATION}/sync"): acting.sync,
    ("POST", f"{_APPLICATION}/rollback"): acting.rollback,
    ("DELETE", f"{_APPLICATION}/operation"): acting.terminate,
    ("GET", f"{_APPLICATION}/resource-tree"): reading.resource_tree,
    ("GET", f"{_APPLICATION}/managed-resources"): reading.managed_resources,
    ("GET", f"{_APPLICATION}/manifests"): reading.manifests,
    ("GET", f"{_APPLICATION}/revisions/{{revision}}/metadata"): reading.revision_metadata,
    ("GET", f"{_APPLICATION}/syncwindows"): reading.sync_windows,
    ("GET", f"{_APPLICATION}/resource"): reading.resource,
    ("GET", f"{_APPLICATION}/resource/actions"): resource_actions.list_actions,
    ("POST", f"{_APPLICATION}/resource/actions"): resource_actions.run,
    ("POST", f"{_APPLICATION}/resource/actions/v2"): resource_actions.run_v2,
    ("GET", f"{_APPLICATION}/logs"): reading.logs,
    ("GET", f"{_APPLICATION}/pods/{{pod}}/logs"): reading.logs,
    ("GET", f"{_APPLICATION}/events"): reading.events,
    ("GET", f"{_APPLICATION}/links"): reading.links,
    ("GET", f"{_V1}/projects/{{name}}"): reading.project,
    ("GET", f"{_V1}/account/can-i/{{resource}}/{{action}}/{{subresource:path}}"): reading.can_i,
}


def create_app(state: ArgoCDState) -> ASGIApp:
    """The API as an ASGI application; the state's loops are started by whoever has the state."""
    session = session_endpoints(state.accounts)
    routes = [Route(path, endpoint(state, to), methods=[verb]) for (verb, path), to in _ENDPOINTS.items()]
    routes += [
        Route(f"{_V1}/stream/applications", stream_endpoint(state, application_events)),
        Route(f"{_V1}/stream/applications/{{name}}/resource-tree", stream_endpoint(state, tree_events)),
        Route(f"{_V1}/session", session["log_in"], methods=["POST"]),
        Route(f"{_V1}/session", session["log_out"], methods=["DELETE"]),
        Route(f"{_V1}/session/userinfo", session["user_info"]),
        Route("/api/version", session["version"]),
        Route("/healthz", session["health"]),
        Route("/api/webhook", webhook_endpoint(state), methods=["POST"]),
    ]
    return _gateway(Starlette(routes=routes), state)


def _gateway(application: ASGIApp, state: ArgoCDState) -> ASGIApp:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        refusal = _refusal(scope, state) if scope["type"] == "http" else None
        await (refusal or application)(scope, receive, send)

    return answer


def _refusal(scope: Scope, state: ArgoCDState) -> Response | None:
    path = scope["path"]
    if path.startswith(_V1) and state.faults.statuses:
        status = state.faults.statuses.popleft()
        return Response(f"<html><h1>{status}</h1></html>", status, media_type="text/html")
    is_gateway = path.startswith("/api/") and path != "/api/webhook"
    # The whole header must be this, so that a browser's form cannot be one; a body-less DELETE needs it too.
    if is_gateway and scope["method"] != "GET" and _content_type(scope["headers"]) != b"application/json":
        return PlainTextResponse("Invalid content type\n", 415)
    return None


def _content_type(headers: Iterable[tuple[bytes, Any]]) -> bytes:
    return next((bytes(value).lower() for name, value in headers if name == b"content-type"), b"")
