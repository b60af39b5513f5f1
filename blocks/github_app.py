"""How Tidegate is a GitHub App: signs for itself, and gets short-lived tokens for one repository and few rights.

https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app
"""

import threading
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

ACCEPT = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
# GitHub refuses what was signed in its future or is valid for more than ten minutes; clocks differ.
_SIGNED_BEFORE_SECONDS, _SIGNED_FOR_SECONDS = 60, 540
# A token lives for an hour; one that ends sooner than this is not begun with.
_RENEWED_BEFORE_SECONDS = 300
# A fresh token may be unknown for a moment: GitHub's servers tell each other of it.
_FRESH_SECONDS = 10.0

Rights = Mapping[str, str]


class AppRefused(Exception):
    """GitHub does not let the App in; the message says what to do, and holds no secret."""


@dataclass(frozen=True, slots=True)
class _Token:
    value: str = field(repr=False)
    expires: float


_tokens: dict[tuple[object, ...], _Token] = {}
_lock = threading.RLock()


@dataclass(frozen=True, slots=True)
class GitHubApp:
    """An App at one GitHub; without `installation_id` the installation is found by the repository that is asked for.

    `app_id` is the App's id or its client id.
    """

    api_url: str
    app_id: str
    private_key: str = field(repr=False)
    installation_id: int | None = None

    def describe(self) -> dict[str, Any]:
        """What GitHub says of the App: its `id`, `slug` and `permissions`; raises AppRefused."""
        return self._ask("GET", "/app")

    def installation(self, repository: str | None) -> dict[str, Any]:
        """Where the App is installed, with the `permissions` it was given there; raises AppRefused."""
        if self.installation_id is not None:
            return self._ask("GET", f"/app/installations/{self.installation_id}")
        if repository is None:
            raise AppRefused("the App's installation is not known; put its id into the GitHub block")
        return self._ask("GET", f"/repos/{repository}/installation")

    def token(self, repository: str | None, rights: Rights) -> str:
        """A token for this repository (None: for all of the installation) with these rights, as far as they are given.

        Kept in this process until five minutes before its end. Raises AppRefused, and httpx errors where GitHub does
        not answer.
        """
        key = (self.api_url, self.app_id, self.installation_id, repository, *sorted(rights.items()))
        with _lock:
            kept = _tokens.get(key)
            if kept is None or kept.expires - time.time() < _RENEWED_BEFORE_SECONDS:
                kept = _tokens[key] = self._fetch_token(repository, rights)
            return kept.value

    def forget(self, token: str) -> None:
        """Do not use this token again."""
        with _lock:
            for key in [key for key, kept in _tokens.items() if kept.value == token]:
                del _tokens[key]

    def _fetch_token(self, repository: str | None, rights: Rights) -> _Token:
        installation = self.installation(repository)
        body: dict[str, Any] = {"permissions": {"metadata": "read", **_granted(rights, installation["permissions"])}}
        if repository is not None:
            body["repositories"] = [repository.partition("/")[2]]
        answer = self._ask("POST", f"/app/installations/{installation['id']}/access_tokens", body)
        token = _Token(answer["token"], datetime.fromisoformat(answer["expires_at"]).timestamp())
        self._wait_until_known(token.value)
        return token

    def _wait_until_known(self, token: str) -> None:
        deadline = time.monotonic() + _FRESH_SECONDS
        headers = {**ACCEPT, "Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=self.api_url, headers=headers, timeout=30) as client:
            while True:
                answer = client.get("/installation/repositories", params={"per_page": 1})
                if answer.is_success and answer.json()["total_count"]:
                    return
                if time.monotonic() > deadline:
                    message = f"the App's fresh token is not accepted ({answer.status_code}); is the App suspended?"
                    raise AppRefused(f"{message} Look at its installation on GitHub")
                time.sleep(0.5)

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        headers = {**ACCEPT, "Authorization": f"Bearer {self._signed(time.time())}"}
        with httpx.Client(base_url=self.api_url, headers=headers, timeout=30) as client:
            answer = client.request(method, path, json=body)
        if answer.is_client_error:
            raise AppRefused(_refusal(answer, self.app_id, path))
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    def _signed(self, now: float) -> str:
        claims = {
            "iat": int(now) - _SIGNED_BEFORE_SECONDS,
            "exp": int(now) + _SIGNED_FOR_SECONDS,
            "iss": self.app_id,
        }
        return jwt.encode({"alg": "RS256"}, claims, RSAKey.import_key(self.private_key))


class InstallationAuth(httpx.Auth):
    """Sends the App's token with each request; where GitHub knows it no longer, a new one is fetched once."""

    def __init__(self, app: GitHubApp, repository: str | None, rights: Rights) -> None:
        self._app, self._repository, self._rights = app, repository, rights

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Raises AppRefused where there is no token to be had."""
        token = self._app.token(self._repository, self._rights)
        request.headers["Authorization"] = f"Bearer {token}"
        response = yield request
        if response.status_code != httpx.codes.UNAUTHORIZED:
            return
        self._app.forget(token)
        request.headers["Authorization"] = f"Bearer {self._app.token(self._repository, self._rights)}"
        yield request


def checked_key(text: str) -> str:
    r"""The private key in PEM, where line ends may be written as `\n`; raises ValueError for anything else."""
    key = text.replace("\\n", "\n").strip() + "\n"
    try:
        is_private = RSAKey.import_key(key).is_private
    except (ValueError, JoseError) as error:
        raise ValueError("is not an RSA private key in PEM, as GitHub gives it") from error
    if not is_private:
        raise ValueError("is a public key; give the private one")
    return key


def _granted(wanted: Rights, given: Rights) -> dict[str, str]:
    """What was not granted is left out: asked for, it would fail everything, and not only what needs it."""
    levels = ("read", "write", "admin")
    return {
        name: min(level, given[name], key=levels.index)
        for name, level in wanted.items()
        if level in levels and given.get(name) in levels
    }


def _refusal(answer: httpx.Response, app_id: str, path: str) -> str:
    try:
        message = str(answer.json()["message"])[:200]
    except (ValueError, KeyError, TypeError):
        message = "it gave no reason"
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        return (
            f"GitHub does not accept the key of App {app_id} ({message}); give the private key of just this App, and "
            "look at this machine's clock"
        )
    if answer.status_code == httpx.codes.NOT_FOUND and path.endswith("/installation"):
        repository = path.removeprefix("/repos/").removesuffix("/installation")
        return f"GitHub App {app_id} is not installed on {repository}; install it there, or correct the name"
    if answer.status_code == httpx.codes.NOT_FOUND:
        return f"GitHub knows no {path} of App {app_id} ({message}); correct the App's and the installation's id"
    return f"GitHub refuses {path} to App {app_id} ({answer.status_code}): {message}; look at the App's installation"
