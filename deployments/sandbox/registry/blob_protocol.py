"""The endpoints for blobs and for their way in; protocol serves them. Their other half is state."""

import re

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from deployments.sandbox.registry.refusal import Code, Refusal
from deployments.sandbox.registry.state import RegistryState

_PIECE = re.compile(r"(?:bytes )?([0-9]+)-([0-9]+)(?:/.*)?")


async def get_blob(state: RegistryState, request: Request) -> Response:
    """Pull a blob, or with HEAD ask whether it is there."""
    digest = request.path_params["digest"]
    content = await run_in_threadpool(state.blob, request.path_params["name"], digest)
    return Response(content, media_type="application/octet-stream", headers={"Docker-Content-Digest": digest})


async def delete_blob(state: RegistryState, request: Request) -> Response:
    """Forget a blob in this repository."""
    state.delete_blob(request.path_params["name"], request.path_params["digest"])
    return Response(status_code=202)


async def begin_upload(state: RegistryState, request: Request) -> Response:
    """Start an upload; whole with `digest`, or not at all where `mount` finds the blob elsewhere."""
    name, query = request.path_params["name"], request.query_params
    mounted = query.get("mount")
    if mounted and state.mount(name, mounted, source=query.get("from", "")):
        return _created(name, mounted)
    upload = state.begin_upload(name)
    if "digest" not in query:
        return _upload_answer(state, name, upload, status=202)
    state.uploads.append(name, upload, await request.body())
    await run_in_threadpool(state.end_upload, name, upload, query["digest"])
    return _created(name, query["digest"])


async def upload_status(state: RegistryState, request: Request) -> Response:
    """How far an upload has come."""
    return _upload_answer(state, request.path_params["name"], request.path_params["upload"], status=204)


async def append(state: RegistryState, request: Request) -> Response:
    """The next piece of an upload."""
    await _take_piece(state, request)
    return _upload_answer(state, request.path_params["name"], request.path_params["upload"], status=202)


async def end_upload(state: RegistryState, request: Request) -> Response:
    """The last piece of an upload, which may be empty, and its digest."""
    name, digest = request.path_params["name"], request.query_params.get("digest")
    if digest is None:
        raise Refusal(Code.DIGEST_INVALID, "the last request of an upload must carry ?digest=")
    await _take_piece(state, request)
    await run_in_threadpool(state.end_upload, name, request.path_params["upload"], digest)
    return _created(name, digest)


async def cancel_upload(state: RegistryState, request: Request) -> Response:
    """Throw an upload away."""
    state.uploads.end(request.path_params["name"], request.path_params["upload"])
    return Response(status_code=204)


async def _take_piece(state: RegistryState, request: Request) -> None:
    content = await request.body()
    start = None
    if content and (given := request.headers.get("Content-Range")):
        piece = _PIECE.fullmatch(given)
        if piece is None or int(piece[2]) - int(piece[1]) + 1 != len(content):
            raise Refusal(Code.SIZE_INVALID, f"Content-Range {given!r} does not fit the {len(content)} bytes sent")
        start = int(piece[1])
    state.uploads.append(request.path_params["name"], request.path_params["upload"], content, start=start)


def _created(name: str, digest: str) -> Response:
    headers = {"Location": f"/v2/{name}/blobs/{digest}", "Docker-Content-Digest": digest}
    return Response(status_code=201, headers=headers)


def _upload_answer(state: RegistryState, name: str, upload: str, *, status: int) -> Response:
    size = state.uploads.size(name, upload)
    headers = {
        "Location": f"/v2/{name}/blobs/uploads/{upload}",
        # The specification has no way to say "nothing yet"; registries answer 0-0.
        "Range": f"0-{max(size - 1, 0)}",
        "Docker-Upload-UUID": upload,
    }
    return Response(status_code=status, headers=headers)
