"""Hands the changes of the Applications, which happen in the loops' threads, to the server's event loop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from starlette.requests import ClientDisconnect

from deployments.sandbox.argocd.call import Call
from deployments.sandbox.argocd.errors import not_found
from deployments.sandbox.argocd.resources import Document, annotations_of
from deployments.sandbox.argocd.status import REFRESH, request_refresh
from deployments.sandbox.argocd.store import ApplicationStore, WatchEvent, name_of

_LOOK_FOR_DISCONNECT = 0.5


@asynccontextmanager
async def watching(store: ApplicationStore) -> AsyncIterator[asyncio.Queue[WatchEvent]]:
    """Every change from now on, until the block ends."""
    loop = asyncio.get_running_loop()
    events: asyncio.Queue[WatchEvent] = asyncio.Queue()

    def pass_on(event: WatchEvent) -> None:
        # The server may have ended since; nobody waits for the event then.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(events.put_nowait, event)

    end = store.subscribe(pass_on)
    try:
        yield events
    finally:
        end()


async def refreshed(call: Call, application: Document, kind: str) -> Document:
    """Ask for a refresh and wait, for ever if need be, for the first state without the request for it.

    Raises ApiError where the Application is deleted meanwhile, ClientDisconnect where nobody waits any more.
    """
    key = name_of(application)
    async with watching(call.state.store) as events:
        call.state.store.update(key, request_refresh(kind))
        while True:
            if await call.request.is_disconnected():
                raise ClientDisconnect
            with suppress(TimeoutError):
                event = await asyncio.wait_for(events.get(), _LOOK_FOR_DISCONNECT)
                if name_of(event.application) != key:
                    continue
                if event.type == "DELETED":
                    raise not_found(key.name)
                if REFRESH not in annotations_of(event.application):
                    return event.application
