"""The HTTP side of the webhook: from a request to a signed event, and from a decision to an answer.

What an event asks for is decided in tasks.domain.event.decide; that a delivery is not lost is explained in the package.
"""

import logging
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pydantic_core
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from deployments.integrations import IntegrateRun, Integrations
from deployments.webhook.acting import act
from deployments.webhook.analysed import sonarqube_webhook
from deployments.webhook.approval_page import approval_page
from deployments.webhook.refusal import Refusal
from deployments.webhook.request_body import drain_body, read_body
from deployments.webhook.signature import is_signed, read_secrets
from tasks.delivery import read_delivery
from tasks.domain.delivery.model import Delivery
from tasks.domain.errors import DeliveryError
from tasks.domain.event.decide import decide_event
from tasks.domain.event.payloads import EVENTS, Event

PATH = "/webhook"
_DELIVERY = re.compile(r"[0-9A-Za-z-]{8,64}")

logger = logging.getLogger("tidegate.webhook")


@dataclass(frozen=True, slots=True)
class Signed:
    """A delivery whose signature is right: its event's name, its id, and its body as JSON."""

    event: str
    delivery_id: str
    payload: object


def create_app(delivery: Delivery | None = None, secrets: tuple[bytes, ...] = ()) -> FastAPI:
    """The receiver at POST /webhook, and GET /healthz; any of the secrets may have signed.

    What is not given is read from where it is configured: the delivery file, TIDEGATE_WEBHOOK_SECRET and, while the
    secret is changed, TIDEGATE_WEBHOOK_SECRET_PREVIOUS. Raises ConfigurationError where one of them or the Prefect
    server's address is missing.
    """
    known = delivery or read_delivery()
    accepted = secrets or read_secrets(os.environ)
    integrations = Integrations()

    @asynccontextmanager
    async def connected(_app: FastAPI) -> AsyncIterator[None]:
        try:
            await integrations.open()
        except DeliveryError as error:
            logger.warning("Not connected to Prefect yet: %s", error)
        yield
        await integrations.close()

    # No pages about itself: this faces the internet.
    app = FastAPI(title="Tidegate webhook", docs_url=None, redoc_url=None, openapi_url=None, lifespan=connected)

    @app.post(PATH)
    async def receive(request: Request) -> JSONResponse:
        signed = await _read_signed(request, accepted)
        return await _answer(signed, known, integrations)

    @app.get("/healthz")
    async def healthz() -> JSONResponse:
        return JSONResponse({"status": "ok"})

    if route := sonarqube_webhook(os.environ, known, integrations):
        app.include_router(route)
    if page := approval_page(os.environ):
        app.include_router(page)
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(HTTPException, _no_such_route)
    app.add_exception_handler(Exception, _failed)
    return app


async def _read_signed(request: Request, secrets: tuple[bytes, ...]) -> Signed:
    """The delivery in the request; raises Refusal, and logs nothing of a body that nobody has signed."""
    try:
        signature = _check_headers(request)
    except Refusal:
        await drain_body(request)
        raise
    body = await read_body(request)
    if not is_signed(body, signature, secrets):
        raise Refusal(401, "the signature does not fit the body; give the webhook the secret that Tidegate has")
    event, delivery_id = request.headers.get("x-github-event", ""), request.headers.get("x-github-delivery", "")
    if not event or not _DELIVERY.fullmatch(delivery_id):
        raise Refusal(400, "X-GitHub-Event or X-GitHub-Delivery is missing or malformed; send it as GitHub does")
    try:
        return Signed(event, delivery_id, pydantic_core.from_json(body))
    except ValueError:
        raise Refusal(400, "the body is not JSON; send the payload as GitHub does") from None


def _check_headers(request: Request) -> str:
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/json":
        raise Refusal(415, "the content type is not application/json; choose it in the webhook's settings at GitHub")
    signature = request.headers.get("x-hub-signature-256")
    if not signature:
        raise Refusal(401, "X-Hub-Signature-256 is missing; give the webhook a secret at GitHub")
    return signature


async def _answer(signed: Signed, delivery: Delivery, integrations: Integrations) -> JSONResponse:
    if signed.event == "ping":
        return _say(200, "pong", "the webhook reaches Tidegate", signed)
    if signed.event not in EVENTS:
        return _say(200, "ignored", f"nothing listens to {signed.event[:40]!r} events", signed)
    done = await act(decide_event(_parse_event(signed), delivery), signed.delivery_id, integrations)
    return _say(done.status, done.result, done.message, signed, done.runs)


def _parse_event(signed: Signed) -> Event:
    try:
        return EVENTS[signed.event].model_validate(signed.payload)
    except ValidationError as error:
        names = sorted({".".join(str(step) for step in one["loc"]) or "the whole" for one in error.errors()})
        sentence = f"the payload is not that of a {signed.event} event; wrong or missing: {', '.join(names)}"
        raise Refusal(400, sentence) from None


def _say(status: int, result: str, message: str, signed: Signed, runs: tuple[IntegrateRun, ...] = ()) -> JSONResponse:
    listed = [{"id": str(run.run_id), "url": run.url} for run in runs]
    logger.info("Delivery %s (%r): %s: %s", signed.delivery_id, signed.event[:40], result, message)
    return JSONResponse({"result": result, "message": message, "flow_runs": listed}, status)


async def _refused(_request: Request, error: Exception) -> JSONResponse:
    refusal = error if isinstance(error, Refusal) else Refusal(500, "refused without a reason")
    logger.warning("A request was refused (%d): %s", refusal.status, refusal.sentence)
    return JSONResponse({"message": refusal.sentence}, refusal.status)


async def _no_such_route(_request: Request, error: Exception) -> JSONResponse:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return JSONResponse({"message": f"there is only POST {PATH} and GET /healthz"}, status)


async def _failed(_request: Request, _error: Exception) -> JSONResponse:
    return JSONResponse({"message": "the receiver failed; its log says why; redeliver this delivery later"}, 500)
