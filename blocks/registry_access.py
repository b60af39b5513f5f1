"""How a registry is logged in to: basic credentials, or a token fetched with them where the registry asks for one."""

import re
from collections.abc import Generator

import httpx

_PARAMETER = re.compile(r'(\w+)="([^"]*)"')


class RegistryAccess(httpx.Auth):
    """Answers a registry's challenge (https://distribution.github.io/distribution/spec/auth/token/)."""

    requires_response_body = True

    def __init__(self, login: tuple[str, str] | None) -> None:
        self._basic = httpx.BasicAuth(*login) if login else None
        self._token: str | None = None

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send the request, and once more with what a 401 asks for."""
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        response = yield request
        if response.status_code != httpx.codes.UNAUTHORIZED:
            return
        challenge = response.headers.get("WWW-Authenticate", "")
        if challenge.lower().startswith("bearer "):
            answer = yield self._token_request(request, dict(_PARAMETER.findall(challenge)))
            if answer.is_success:
                body = answer.json()
                self._token = body.get("token") or body["access_token"]
                request.headers["Authorization"] = f"Bearer {self._token}"
                yield request
        elif self._basic:
            yield next(self._basic.auth_flow(request))

    def _token_request(self, request: httpx.Request, parameters: dict[str, str]) -> httpx.Request:
        realm = httpx.URL(parameters.pop("realm", ""))
        # Credentials for a plain or foreign-scheme realm would leak; a registry on https names an https realm.
        if request.url.scheme == "https" and realm.scheme != "https":
            return httpx.Request("GET", realm, params=parameters)
        ask = httpx.Request("GET", realm, params=parameters)
        return next(self._basic.auth_flow(ask)) if self._basic else ask
