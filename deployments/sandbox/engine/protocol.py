"""The part of Docker's Engine API that builds, names and pushes images. Its other half is state."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from deployments.sandbox.engine.image import Image
from deployments.sandbox.engine.reading import host_in, is_set, read_build, read_json, read_login
from deployments.sandbox.engine.remote import Login, RegistryProblem, client, host_of
from deployments.sandbox.engine.stage import architecture
from deployments.sandbox.engine.state import EngineState
from deployments.sandbox.engine.streams import build_stream, push_stream

Endpoint = Callable[[EngineState, Request], Awaitable[Response]]

API_VERSION = "1.41"
# Builder-Version 1 tells Docker's clients to use the classic builder, not BuildKit.
_PING = {"Api-Version": API_VERSION, "Ostype": "linux", "Builder-Version": "1", "Docker-Experimental": "false"}
_VERSION_PREFIX = re.compile(r"/v[0-9]+\.[0-9]+(?=/)")


def create_app(state: EngineState) -> ASGIApp:
    """An ASGI application that is an engine to Docker's clients, with and without /vX.YY before its paths."""

    def route(method: str, path: str, endpoint: Endpoint) -> Route:
        async def bound(request: Request) -> Response:
            return await endpoint(state, request)

        return Route(path, bound, methods=[method])

    routes = [
        route("GET", "/_ping", _ping),
        route("GET", "/version", _version),
        route("POST", "/auth", _log_in),
        route("POST", "/build", _build),
        route("GET", "/images/{name:path}/json", _inspect),
        route("POST", "/images/{name:path}/push", _push),
        route("POST", "/images/{name:path}/tag", _tag),
        route("DELETE", "/images/{name:path}", _remove),
    ]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _refused})

    async def unversioned(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = {**scope, "path": _VERSION_PREFIX.sub("", scope["path"], count=1)}
        await app(scope, receive, send)

    return unversioned


async def _ping(_state: EngineState, _request: Request) -> Response:
    return PlainTextResponse("OK", headers=_PING)


async def _version(_state: EngineState, _request: Request) -> Response:
    versions = {"ApiVersion": API_VERSION, "MinAPIVersion": "1.24", "Os": "linux", "Arch": architecture()}
    name = {"Platform": {"Name": "Tidegate sandbox, without Docker"}, "Version": "0.0.0-sandbox"}
    return JSONResponse(name | versions)


async def _log_in(_state: EngineState, request: Request) -> Response:
    asked = await read_json(request)
    host = host_in(str(asked.get("serveraddress", "")))
    login = (str(asked.get("username", "")), str(asked.get("password", "")))
    status = await run_in_threadpool(_try_login, host, login)
    if status != httpx.codes.OK:
        raise HTTPException(401, f"login attempt to http://{host}/v2/ failed with status: {status}")
    return JSONResponse({"IdentityToken": "", "Status": "Login Succeeded"})


async def _build(state: EngineState, request: Request) -> Response:
    asked = await read_build(request)
    return StreamingResponse(build_stream(state, asked), media_type="application/json")


async def _push(state: EngineState, request: Request) -> Response:
    login = read_login(request)
    stream = push_stream(state, request.path_params["name"], request.query_params.get("tag", ""), login)
    return StreamingResponse(stream, media_type="application/json")


async def _inspect(state: EngineState, request: Request) -> Response:
    image = _find(state, request)
    settings, names = image.settings(), state.names(image)
    return JSONResponse(
        {
            "Id": image.id,
            "RepoTags": [name for name in names if "@" not in name],
            "RepoDigests": [name for name in names if "@" in name],
            "Created": settings["created"],
            "Config": settings["config"],
            "Architecture": settings["architecture"],
            "Os": settings["os"],
            "Size": sum(len(layer.content) for layer in image.layers),
            "RootFS": {"Type": "layers", "Layers": [layer.diff_id for layer in image.layers]},
        }
    )


async def _tag(state: EngineState, request: Request) -> Response:
    repository, tag = request.query_params.get("repo", ""), request.query_params.get("tag") or "latest"
    state.add(_find(state, request), f"{repository}:{tag}")
    return Response(status_code=201)


async def _remove(state: EngineState, request: Request) -> Response:
    name = request.path_params["name"]
    try:
        removed = state.remove(name, force=is_set(request.query_params.get("force")))
    except KeyError:
        raise HTTPException(404, f"No such image: {name}") from None
    except ValueError as error:
        raise HTTPException(409, f"conflict: {error}") from None
    lines = [{"Untagged": gone} for gone in removed.names]
    return JSONResponse([*lines, {"Deleted": removed.image}] if removed.image else lines)


def _find(state: EngineState, request: Request) -> Image:
    image = state.find(request.path_params["name"])
    if image is None:
        raise HTTPException(404, f"No such image: {request.path_params['name']}")
    return image


def _try_login(host: str, login: Login) -> int:
    try:
        host_of(f"{host}/any")
        with client(host, login) as registry:
            return registry.get("/").status_code
    except (RegistryProblem, httpx.TransportError) as error:
        raise HTTPException(500, f"login attempt to http://{host}/v2/ failed: {error}") from None


async def _refused(request: Request, refusal: Any) -> Response:
    message = refusal.detail
    if request.scope.get("endpoint") is None:
        message = f"{request.method} {request.url.path}: this stand-in builds and pushes only; it needs a real engine"
    return JSONResponse({"message": message}, refusal.status_code)
