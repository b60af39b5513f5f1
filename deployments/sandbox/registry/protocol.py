"""The registry's HTTP API, as the specification numbers its endpoints. Its other half is state."""

import base64
import hmac
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deployments.sandbox.registry import blob_protocol
from deployments.sandbox.registry.manifest import OCI_INDEX
from deployments.sandbox.registry.refusal import Code, Refusal
from deployments.sandbox.registry.state import RegistryState

Endpoint = Callable[[RegistryState, Request], Awaitable[Response]]

# The specification lets registries refuse manifests above this size, and most do.
_LARGEST_MANIFEST = 4 * 1024 * 1024


def create_app(state: RegistryState) -> Starlette:
    """An ASGI application that serves this state below /v2/."""

    async def guard(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        refusal = _refusal_at_the_door(state, request)
        response = await (_refused(request, refusal) if refusal else call_next(request))
        response.headers["Docker-Distribution-API-Version"] = "registry/2.0"
        return response

    routes = [_route(state, path, methods) for path, methods in _endpoints().items()]
    app = Starlette(routes=routes, exception_handlers={Refusal: _refused})
    app.add_middleware(BaseHTTPMiddleware, dispatch=guard)
    return app


def _endpoints() -> dict[str, dict[str, Endpoint]]:
    return {
        "/v2/": {"GET": _version},
        "/v2/{name:path}/blobs/uploads/": {"POST": blob_protocol.begin_upload},
        "/v2/{name:path}/blobs/uploads/{upload}": {
            "GET": blob_protocol.upload_status,
            "PATCH": blob_protocol.append,
            "PUT": blob_protocol.end_upload,
            "DELETE": blob_protocol.cancel_upload,
        },
        "/v2/{name:path}/blobs/{digest}": {"GET": blob_protocol.get_blob, "DELETE": blob_protocol.delete_blob},
        "/v2/{name:path}/manifests/{reference}": {
            "GET": _manifest,
            "PUT": _put_manifest,
            "DELETE": _delete_manifest,
        },
        "/v2/{name:path}/tags/list": {"GET": _tags},
        "/v2/{name:path}/referrers/{digest}": {"GET": _referrers},
    }


def _route(state: RegistryState, path: str, methods: dict[str, Endpoint]) -> Route:
    async def endpoint(request: Request) -> Response:
        # HEAD is GET without the body, which the server leaves out.
        answer = methods.get("GET" if request.method == "HEAD" else request.method)
        if answer is None:
            raise Refusal(Code.UNSUPPORTED, f"{request.method} is not supported at this address")
        return await answer(state, request)

    return Route(path, endpoint, methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])


def _refusal_at_the_door(state: RegistryState, request: Request) -> Refusal | None:
    status = state.faults.take(request.method, request.url.path)
    if status is not None:
        code = {429: Code.TOO_MANY_REQUESTS, 401: Code.UNAUTHORIZED}.get(status, Code.UNKNOWN)
        return Refusal(code, "the registry was told to fail here", status=status)
    if not _may_enter(state.login, request.headers.get("Authorization", "")):
        return Refusal(Code.UNAUTHORIZED, "authentication required; log in to this registry")
    return None


def _may_enter(login: tuple[str, str] | None, authorization: str) -> bool:
    if login is None:
        return True
    expected = "Basic " + base64.b64encode(":".join(login).encode()).decode()
    return hmac.compare_digest(expected.encode(), authorization.encode())


async def _version(_state: RegistryState, _request: Request) -> Response:
    return JSONResponse({})


async def _manifest(state: RegistryState, request: Request) -> Response:
    manifest = state.manifest(request.path_params["name"], request.path_params["reference"])
    # Not media_type=, which would add a charset to some types: it is kept as it came.
    headers = {"Content-Type": manifest.media_type, "Docker-Content-Digest": manifest.digest}
    return Response(manifest.content, headers=headers)


async def _put_manifest(state: RegistryState, request: Request) -> Response:
    name, content = request.path_params["name"], await request.body()
    if len(content) > _LARGEST_MANIFEST:
        raise Refusal(Code.SIZE_INVALID, f"the manifest is larger than {_LARGEST_MANIFEST} bytes", status=413)
    media_type = request.headers.get("Content-Type", "")
    manifest = state.put_manifest(name, request.path_params["reference"], content, media_type)
    headers = {"Location": f"/v2/{name}/manifests/{manifest.digest}", "Docker-Content-Digest": manifest.digest}
    if manifest.subject and state.lists_referrers:
        headers["OCI-Subject"] = manifest.subject
    return Response(status_code=201, headers=headers)


async def _delete_manifest(state: RegistryState, request: Request) -> Response:
    state.delete_manifest(request.path_params["name"], request.path_params["reference"])
    return Response(status_code=202)


async def _tags(state: RegistryState, request: Request) -> Response:
    name, query = request.path_params["name"], request.query_params
    last = query.get("last", "")
    left = [tag for tag in state.tags(name) if (tag.lower(), tag) > (last.lower(), last)]
    number = query.get("n", str(len(left)))
    if not number.isdecimal():
        raise Refusal(Code.UNSUPPORTED, f"n={number} is not a number of tags", status=400)
    page = left[: int(number)]
    headers = {}
    if page and len(page) < len(left):
        following = urlencode({"n": number, "last": page[-1]})
        headers["Link"] = f'</v2/{name}/tags/list?{following}>; rel="next"'
    return JSONResponse({"name": name, "tags": page}, headers=headers)


async def _referrers(state: RegistryState, request: Request) -> Response:
    if not state.lists_referrers:
        raise Refusal(Code.UNSUPPORTED, "404 page not found", status=404)
    manifests = [m.descriptor() for m in state.referrers(request.path_params["name"], request.path_params["digest"])]
    headers = {"Content-Type": OCI_INDEX}
    if wanted := request.query_params.get("artifactType"):
        manifests = [descriptor for descriptor in manifests if descriptor.get("artifactType") == wanted]
        headers["OCI-Filters-Applied"] = "artifactType"
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}
    return JSONResponse(index, headers=headers)


async def _refused(_request: Request, refusal: Any) -> Response:
    challenge = {"WWW-Authenticate": 'Basic realm="Tidegate sandbox registry"'} if refusal.status == 401 else None
    return JSONResponse(refusal.body(), refusal.status, challenge)
