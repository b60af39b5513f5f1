"""Reads a request's body without ever holding more of it than is allowed."""

import asyncio

from starlette.requests import ClientDisconnect, Request

from deployments.webhook.refusal import Refusal

# GitHub sends no larger ones (https://docs.github.com/webhooks/webhook-events-and-payloads).
LARGEST_BODY = 25 * 1024 * 1024
_READ_SECONDS = 10.0


async def read_body(request: Request, *, largest: int = LARGEST_BODY) -> bytes:
    """The raw body; raises Refusal (413) above `largest` bytes, (408) after ten seconds."""
    try:
        async with asyncio.timeout(_READ_SECONDS):
            return await _read(request, largest)
    except TimeoutError:
        raise Refusal(408, f"the body did not arrive within {_READ_SECONDS:.0f} seconds; send it again") from None
    except ClientDisconnect:
        raise Refusal(400, "the sender hung up before the body was complete; send it again") from None


async def drain_body(request: Request) -> None:
    """Read the body and drop it: a sender that is still writing does not see an answer."""
    try:
        await read_body(request)
    except Refusal:
        return


async def _read(request: Request, largest: int) -> bytes:
    kept = bytearray()
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received <= largest:
            kept += chunk
            continue
        kept.clear()
        # What is only somewhat too large is read to its end and dropped, so that the sender gets to see the answer.
        if received > 2 * largest:
            break
    if received > largest:
        raise Refusal(413, f"the body has more than {largest} bytes; nobody who may send here sends that much")
    return bytes(kept)
