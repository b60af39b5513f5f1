"""The endpoints around who one is, and those that ask nobody who he is."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from deployments.sandbox.argocd.accounts import Accounts
from deployments.sandbox.argocd.call import bearer, body_of
from deployments.sandbox.argocd.errors import ApiError

_COOKIE = "argocd.token"


def session_endpoints(accounts: Accounts) -> dict[str, Any]:
    """The endpoints by name: log_in, log_out, user_info, version, health."""

    async def log_in(request: Request) -> Response:
        try:
            body = await body_of(request)
            token = accounts.log_in(str(body.get("username") or ""), str(body.get("password") or ""))
        except ApiError as error:
            return JSONResponse(error.body(), error.status)
        answer = JSONResponse({"token": token})
        answer.set_cookie(_COOKIE, token, httponly=True, samesite="lax")
        return answer

    async def log_out(request: Request) -> Response:
        token = bearer(request)
        if token and accounts.identify_or_none(token):
            accounts.revoke(token)
        answer = JSONResponse({})
        answer.delete_cookie(_COOKIE)
        return answer

    async def user_info(request: Request) -> Response:
        """Never 401: a token that does not hold is nobody's."""
        caller = accounts.identify_or_none(bearer(request))
        if caller is None:
            return JSONResponse({"loggedIn": False})
        return JSONResponse({"loggedIn": True, "username": caller.username, "iss": "argocd"})

    async def version(request: Request) -> Response:
        answer = {"Version": "v3.5.1+sandbox"}
        if accounts.identify_or_none(bearer(request)):
            answer |= {"BuildDate": "2026-01-01T00:00:00Z", "Platform": "linux/amd64"}
        return JSONResponse(answer)

    async def health(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    return {"log_in": log_in, "log_out": log_out, "user_info": user_info, "version": version, "health": health}
