"""How a registry is logged in to: basic credentials, or a token fetched with them where the registry asks for one."""

import re
from collections.abc import Generator

import httpx

_PARAMETER = re.compile(r'(\w+)="([^"]*)"')


class RegistryAccess(httpx.Auth):
    """Answers a registry's challenge (https://distribution.github.io/distribution/spec/auth/token/).

    What the registry accepted is sent at once with the next request; a refusal of it is answered anew, for tokens
    expire and are for one repository.
    """

    requires_response_body = True

    def __init__(self, login: tuple[str, str] | None) -> None:
        self._basic = httpx.BasicAuth(*login) if login else None
        self._accepted: str | None = None

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send the request, and once more with what a 401 asks for."""
        if self._accepted:
            request.headers["Authorization"] = self._accepted
        response = yield request
        if response.status_code != httpx.codes.UNAUTHORIZED:
            return
        scheme, _, rest = response.headers.get("WWW-Authenticate", "").partition(" ")
        answer = None
        if scheme.lower() == "bearer":
            answer = yield from self._fetch_token(request, dict(_PARAMETER.findall(rest)))
        elif self._basic:
            answer = next(self._basic.auth_flow(request)).headers["Authorization"]
        if answer and answer != self._accepted:
            self._accepted = request.headers["Authorization"] = answer
            yield request

    def _fetch_token(
        self, request: httpx.Request, parameters: dict[str, str]
    ) -> Generator[httpx.Request, httpx.Response, str | None]:
        realm = httpx.URL(parameters.pop("realm", ""))
        # A registry on https must not make us send credentials in the clear.
        if realm.scheme not in {"https", request.url.scheme} or not realm.host:
            return None
        ask = httpx.Request("GET", realm.copy_merge_params(parameters))
        response = yield next(self._basic.auth_flow(ask)) if self._basic else ask
        try:
            body = response.json()
            token = body.get("token") or body.get("access_token")
        except (ValueError, AttributeError):
            return None
        return f"Bearer {token}" if token and response.is_success else None
