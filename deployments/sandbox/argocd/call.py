"""One request to the API as its endpoint sees it, and the wrapping that turns an endpoint into an ASGI one."""

import inspect
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from deployments.sandbox.argocd.accounts import Caller
from deployments.sandbox.argocd.errors import ApiError, invalid_argument, not_found, permission_denied
from deployments.sandbox.argocd.resources import Document
from deployments.sandbox.argocd.state import ArgoCDState
from deployments.sandbox.argocd.store import name_of


@dataclass(frozen=True, slots=True)
class Call:
    """A request of somebody who is known."""

    state: ArgoCDState
    request: Request
    caller: Caller
    body: Document

    @property
    def name(self) -> str:
        """The Application that the path names."""
        return str(self.request.path_params["name"])

    def argument(self, name: str) -> str:
        """A field of the query, or of the body where the query has none; empty without one."""
        return self.request.query_params.get(name) or str(self.field(name) or "")

    def field(self, name: str) -> Any:
        """A field of the body; its name may be in any case, as Go reads it."""
        return next((value for key, value in self.body.items() if key.lower() == name.lower()), None)

    def text(self, name: str) -> str:
        """A field of the body that is a text, empty without one; raises ApiError (400) where it is something else."""
        value = self.field(name)
        if value is not None and not isinstance(value, str):
            raise invalid_argument(f"json: cannot unmarshal the field {name} into a string")
        return value or ""

    def application(self, action: str = "get") -> Document:
        """The Application that the path names, for an action on it.

        Raises ApiError. Who does not say the project hears 403 of a missing Application as of a forbidden one, so that
        nobody learns what exists; who says a project that he may read hears 404.
        """
        found = self.state.store.get(self.state.name(self.name, self.argument("appNamespace")))
        project = self.argument("project")
        if not project:
            if found is None or not self.caller.may("applications", action, rbac_name(found)):
                raise permission_denied()
            return found
        if not self.caller.may("applications", action, f"{project}/{self.name}"):
            raise permission_denied()
        if found is None or found["spec"]["project"] != project:
            raise not_found(self.name)
        return found

    def with_resource_health(self, application: Document) -> Document:
        """The Application as a single answer tells it: each resource's health is in the controller's cache only."""
        health = self.state.observation(name_of(application)).health
        by_name = {(key.group, key.kind, key.namespace, key.name): value for key, value in health.items()}
        for resource in application["status"].get("resources", []):
            key = tuple(resource.get(part, "") for part in ("group", "kind", "namespace", "name"))
            if found := by_name.get(key):
                resource["health"] = found.document()
        return application


def rbac_name(application: Document) -> str:
    """How a policy names the Application."""
    return f"{application['spec']['project']}/{application['metadata']['name']}"


Answer = Any
Endpoint = Callable[[Call], Answer]


def endpoint(state: ArgoCDState, function: Endpoint) -> Callable[[Request], Awaitable[Response]]:
    """An ASGI endpoint for somebody who is known; errors become the gateway's, sync functions run in a thread."""

    async def answer(request: Request) -> Response:
        try:
            caller = state.accounts.identify(bearer(request))
            call = Call(state, request, caller, await body_of(request))
            is_async = inspect.iscoroutinefunction(function)
            done = await (function(call) if is_async else run_in_threadpool(function, call))
        except ApiError as error:
            return JSONResponse(error.body(), error.status)
        except ClientDisconnect:
            return Response(status_code=499)
        return done if isinstance(done, Response) else JSONResponse(done)

    return answer


def bearer(request: Request) -> str | None:
    """The token of the request: the Authorization header's, else the cookie's."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token else request.cookies.get("argocd.token")


async def body_of(request: Request) -> Document:
    """The JSON object of the body, empty without one; raises ApiError (400)."""
    content = await request.body()
    if not content.strip():
        return {}
    try:
        body = json.loads(content)
    except ValueError as error:
        raise invalid_argument(f"invalid character in the request's JSON: {error}") from error
    if isinstance(body, str) and request.url.path.endswith("/resource/actions"):
        # The one endpoint whose body is a field by itself.
        return {"action": body}
    if not isinstance(body, dict):
        raise invalid_argument("json: cannot unmarshal the request into an object")
    return body
