"""The approval page: for people whom a proxy before it has signed in, and vouches for with a header.

It is there only where both variables are set. The proxy has to set both headers itself on every request, whatever the
browser sent: its users' names in the one that TIDEGATE_PROXY_USER_HEADER names, and TIDEGATE_PROXY_SECRET in
X-Tidegate-Proxy-Secret, which no browser ever sees.
"""

import asyncio
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast
from urllib.parse import parse_qs
from uuid import UUID

import httpx
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool

from deployments.answers import Decision, OpenQuestion, give_verified_answer, read_question
from deployments.approval_seal import read_seal
from deployments.prefect_server import explain
from deployments.webhook.approval_html import HEADERS, answered_html, question_html
from deployments.webhook.refusal import Refusal
from tasks.approval.ask import question_id
from tasks.domain.delivery.approval import Identity
from tasks.domain.errors import ConfigurationError, DeliveryError

PATH = "/approvals/{run_id}"
USER_HEADER, SECRET = "TIDEGATE_PROXY_USER_HEADER", "TIDEGATE_PROXY_SECRET"
SECRET_HEADER = "x-tidegate-proxy-secret"  # noqa: S105 - a header's name
_LARGEST_FORM, _READ_SECONDS, _SHORTEST_SECRET, _LONGEST_NAME = 8192, 10.0, 16, 100


@dataclass(frozen=True, slots=True)
class Proxy:
    """How requests of the proxy are told from all others, and where it says whose they are."""

    user_header: str
    secret: str

    def user_of(self, request: Request) -> str:
        """Who is signed in; raises Refusal for what did not come through the proxy."""
        given = request.headers.get(SECRET_HEADER, "").encode()
        if not hmac.compare_digest(given, self.secret.encode()):
            raise Refusal(403, "this page is for requests of the proxy before it; open it through the proxy")
        users = request.headers.getlist(self.user_header)
        # Two would be one of the proxy's, and one that somebody sent along.
        if len(users) != 1 or not users[0].strip() or not users[0].isprintable() or len(users[0]) > _LONGEST_NAME:
            raise Refusal(401, "the proxy does not say who is signed in; sign in there, or correct its configuration")
        return users[0].strip()


def approval_page(environment: Mapping[str, str]) -> APIRouter | None:
    """The routes, None where the page is not configured; raises ConfigurationError where only half of it is."""
    header, secret = environment.get(USER_HEADER, ""), environment.get(SECRET, "")
    if not header and not secret:
        return None
    if not header or len(secret) < _SHORTEST_SECRET:
        raise ConfigurationError(
            f"the approval page needs both {USER_HEADER} and {SECRET}, of {_SHORTEST_SECRET} characters at least"
        )
    return _routes(Proxy(header, secret))


def _routes(proxy: Proxy) -> APIRouter:
    router = APIRouter()

    @router.get(PATH)
    async def show(request: Request, run_id: str) -> HTMLResponse:
        user = proxy.user_of(request)
        question, token = await run_in_threadpool(_read, run_id, user)
        return HTMLResponse(question_html(question, user, token), headers=HEADERS)

    @router.post(PATH)
    async def decide(request: Request, run_id: str) -> HTMLResponse:
        user = proxy.user_of(request)
        if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
            raise Refusal(403, "the answer does not come from this page; open it and answer there")
        form = await _read_form(request)
        question = await run_in_threadpool(_answer, run_id, user, form)
        return HTMLResponse(answered_html(question, user, form["decision"]), headers=HEADERS)

    return router


def _read(run_id: str, user: str) -> tuple[OpenQuestion, str]:
    try:
        question = read_question(UUID(run_id))
        return question, _token(question, user)
    except ValueError:
        raise Refusal(404, "that is not the id of a run; look it up in the Prefect UI") from None
    except httpx.HTTPError as error:
        raise Refusal(503, str(explain(error))) from None
    except DeliveryError as error:
        raise Refusal(409, str(error)) from None


def _answer(run_id: str, user: str, form: Mapping[str, str]) -> OpenQuestion:
    question, token = _read(run_id, user)
    # Another site can make a browser send a form, but cannot read this out of the page. It is also for one question.
    if not hmac.compare_digest(form.get("token", "").encode(), token.encode()):
        raise Refusal(403, "this answer is not to the question that is asked now; open the page again and read it")
    if form.get("decision") not in ("approve", "reject"):
        raise Refusal(400, "the answer is neither approve nor reject; use the buttons of the page")
    try:
        decision = cast(Decision, form["decision"])
        give_verified_answer(question, decision, user, form.get("comment", ""), Identity.PROXY)
    except DeliveryError as error:
        raise Refusal(409, str(error)) from None
    except httpx.HTTPError as error:
        raise Refusal(503, str(explain(error))) from None
    return question


def _token(question: OpenQuestion, user: str) -> str:
    text = f"tidegate approval page v1\n{question_id(str(question.run_id), question.key)}\n{user}"
    return hmac.new(read_seal().encode(), text.encode(), hashlib.sha256).hexdigest()


async def _read_form(request: Request) -> dict[str, str]:
    body = bytearray()
    try:
        async with asyncio.timeout(_READ_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > _LARGEST_FORM:
                    raise Refusal(413, f"the form has more than {_LARGEST_FORM} bytes; write a shorter comment")
    except TimeoutError:
        raise Refusal(408, "the form did not arrive in time; send it again") from None
    try:
        return {name: values[0] for name, values in parse_qs(body.decode(), strict_parsing=True).items()}
    except ValueError:
        raise Refusal(400, "that is not a form; use the buttons of the page") from None
