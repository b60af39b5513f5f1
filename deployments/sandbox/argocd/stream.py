"""The event streams: of the Applications and of one resource tree, as lines of JSON or as server-sent events."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from deployments.sandbox.argocd.call import Call, bearer
from deployments.sandbox.argocd.errors import ApiError
from deployments.sandbox.argocd.resources import Document
from deployments.sandbox.argocd.selection import is_selected, project_fields
from deployments.sandbox.argocd.state import ArgoCDState
from deployments.sandbox.argocd.store import WatchEvent, name_of
from deployments.sandbox.argocd.watch import watching

_SSE = "text/event-stream"
_LOOK_AT_FAULTS = 0.05
Results = Callable[[Call], AsyncIterator[Any]]


def stream_endpoint(state: ArgoCDState, results: Results) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that streams what `results` yields, until the client goes or a fault cuts it."""

    async def answer(request: Request) -> Response:
        if status := state.faults.stream_status:
            refusal = {"error": {"grpc_code": 7, "http_code": status, "message": "permission denied"}}
            return JSONResponse(refusal, status)
        try:
            call = Call(state, request, state.accounts.identify(bearer(request)), {})
            if "name" in request.path_params:
                call.application()
        except ApiError as error:
            return JSONResponse(error.stream_body(), error.status)
        sse = request.headers.get("accept") == _SSE
        frames = _frames(call, results(call), sse=sse)
        return StreamingResponse(frames, media_type=_SSE if sse else "application/json")

    return answer


async def application_events(call: Call) -> AsyncIterator[Any]:
    """The Applications as they are, unless the client has seen them up to a version, and then every change of them."""
    query = call.request.query_params
    last: dict[str, Document] = {}
    async with watching(call.state.store) as events:
        initial = [] if query.get("resourceVersion") and not query.get("name") else call.state.store.all()
        for application in initial:
            events.put_nowait(WatchEvent("ADDED", application))
        fields = [f.removeprefix("result.") for f in (query.get("fields") or "").split(",") if f]
        fields = [f"-{f[1:].removeprefix('result.')}" if f.startswith("-") else f for f in fields]
        while True:
            event = await events.get()
            if not is_selected(call, event.application):
                continue
            application = call.with_resource_health(json.loads(json.dumps(event.application)))
            told: Document = project_fields({"type": event.type, "application": application}, fields)
            if call.state.faults.stream_loses_changes and event.type == "MODIFIED":
                continue
            # What reads the same as the last time is not told again, as when only an unseen field has changed.
            told_last = last.get(event.application["metadata"]["name"])
            if told != told_last:
                last[event.application["metadata"]["name"]] = told
                yield told


async def tree_events(call: Call) -> AsyncIterator[Any]:
    """The resource tree of one Application, whenever it is another."""
    key, last = name_of(call.application()), None
    async with watching(call.state.store) as events:
        while True:
            tree = call.state.observation(key).tree.document()
            if tree != last:
                last = tree
                yield tree
            await events.get()


async def _frames(call: Call, results: AsyncIterator[Any], *, sse: bool) -> AsyncIterator[bytes]:
    sent, faults = 0, call.state.faults
    while faults.stream_is_held_back:
        await asyncio.sleep(_LOOK_AT_FAULTS)
    upcoming = asyncio.ensure_future(anext(results))
    try:
        while faults.stream_ends_after is None or sent < faults.stream_ends_after:
            done, _ = await asyncio.wait({upcoming}, timeout=call.state.timing.keep_alive if sse else None)
            if not done:
                yield b":\n"
                continue
            text = json.dumps({"result": upcoming.result()}, separators=(",", ":"))
            sent += 1
            upcoming = asyncio.ensure_future(anext(results))
            yield f"data: {text} \n\n".encode() if sse else f"{text}\n".encode()
        if faults.stream_error:
            error = {"grpc_code": 14, "http_code": 503, "message": faults.stream_error}
            text = json.dumps({"error": error | {"http_status": "Service Unavailable"}}, separators=(",", ":"))
            yield f"data: {text} \n\n".encode() if sse else f"{text}\n".encode()
    finally:
        upcoming.cancel()
