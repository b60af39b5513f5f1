"""Reads what Docker's clients send: credentials in headers, flags and lists in queries."""

import base64
import json
import re
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request

from deployments.sandbox.engine.remote import Login
from deployments.sandbox.engine.stage import architecture
from deployments.sandbox.engine.streams import BuildRequest


async def read_build(request: Request) -> BuildRequest:
    """What to build; raises HTTPException 400 for what a real engine would be needed for."""
    query = request.query_params
    _check_is_possible(request)
    by_host = {host_in(address): login for address, login in _header(request, "X-Registry-Config").items()}
    return BuildRequest(
        context=await request.body(),
        dockerfile=query.get("dockerfile") or "Dockerfile",
        target=query.get("target", ""),
        arguments=_strings(query.get("buildargs")),
        labels=_strings(query.get("labels")),
        tags=[tag for tag in query.getlist("t") if tag],
        fresh_bases=is_set(query.get("pull")),
        login_for=lambda host: _login(by_host.get(host, {})),
    )


def read_login(request: Request) -> Login | None:
    """User and password for the registry that is pushed to, where the client sent any."""
    return _login(_header(request, "X-Registry-Auth"))


async def read_json(request: Request) -> dict[str, Any]:
    """The body; raises HTTPException 400 where it is not a JSON object."""
    try:
        document = await request.json()
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise HTTPException(400, "the body is not a JSON object")
    return document


def is_set(flag: str | None) -> bool:
    """Whether a flag of a query says yes."""
    return (flag or "").lower() in ("1", "true")


def host_in(address: str) -> str:
    """The host and port in a registry's address, which may be a URL."""
    return re.sub(r"^https?://", "", address).partition("/")[0]


def _check_is_possible(request: Request) -> None:
    query = request.query_params
    platform = query.get("platform") or f"linux/{architecture()}"
    for asked, what in (
        (query.get("remote"), "a build from a remote context"),
        (query.get("version") == "2", "BuildKit"),
        (is_set(query.get("squash")), "squash"),
        (platform != f"linux/{architecture()}", f"a build for {platform}"),
    ):
        if asked:
            raise HTTPException(400, f"{what} needs a real engine")


def _header(request: Request, name: str) -> dict[str, Any]:
    """A header as Docker's clients write it: JSON in base64, of the kind for URLs."""
    try:
        text = request.headers.get(name, "")
        document = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)) or b"{}")
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise HTTPException(400, f"the header {name} is not a JSON object in base64")
    return document


def _login(credentials: Any) -> Login | None:
    if not isinstance(credentials, dict) or not credentials.get("username"):
        return None
    return str(credentials["username"]), str(credentials.get("password", ""))


def _strings(text: str | None) -> dict[str, str]:
    try:
        document = json.loads(text or "{}")
        return {str(name): str(value) for name, value in document.items() if value is not None}
    except (ValueError, AttributeError):
        raise HTTPException(400, "buildargs and labels are JSON objects") from None
