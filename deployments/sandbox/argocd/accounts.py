"""The accounts of Argo CD: who may do what in which project, and the tokens that say who one is."""

import hmac
import secrets
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

from deployments.sandbox.argocd import token as tokens
from deployments.sandbox.argocd.clock import timestamp
from deployments.sandbox.argocd.errors import ApiError, permission_denied, unauthenticated

_SESSION_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True)
class Right:
    """One line of Argo CD's policy: an action on a resource of the projects and applications of a pattern."""

    resource: str
    action: str
    objects: str
    """PROJECT/APPLICATION; each part may hold asterisks."""

    def covers(self, resource: str, action: str, name: str) -> bool:
        """Whether it allows the action on what is named."""
        pairs = ((resource, self.resource), (action, self.action), (name, self.objects))
        return all(fnmatchcase(given, pattern) for given, pattern in pairs)


EVERYTHING = (Right("*", "*", "*"),)
READ_EVERYTHING = (Right("applications", "get", "*/*"),)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request, by a token that holds."""

    subject: str
    issued_at: int
    rights: tuple[Right, ...]

    @property
    def username(self) -> str:
        """The name without what kind of token it was; a project role's whole subject."""
        return self.subject if self.subject.startswith("proj:") else self.subject.partition(":")[0]

    def may(self, resource: str, action: str, name: str) -> bool:
        """Whether one of the rights allows it."""
        return any(right.covers(resource, action, name) for right in self.rights)

    def require(self, resource: str, action: str, name: str) -> None:
        """Raise ApiError (403), which names the right that is missing."""
        if not self.may(resource, action, name):
            issued = timestamp(datetime.fromtimestamp(self.issued_at, UTC))
            who = f"sub: {self.subject}, iat: {issued}"
            raise permission_denied(f"permission denied: {resource}, {action}, {name}, {who}")


class Accounts:
    """Accounts by name; a project role's name is proj:PROJECT:ROLE. Tokens are good for this instance only."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._passwords: dict[str, str] = {}
        self._rights: dict[str, tuple[Right, ...]] = {}
        self._revoked: set[str] = set()

    def add(self, name: str, *, rights: Iterable[Right], password: str | None = None) -> None:
        """Add the account or change it; without a password it cannot log in."""
        self._rights[name] = tuple(rights)
        if password is not None:
            self._passwords[name] = password

    def issue_token(self, name: str, *, expires_in: int | None = None) -> str:
        """A token for a program; it lasts for ever unless `expires_in` seconds are given. Raises KeyError."""
        if name not in self._rights:
            raise KeyError(f"there is no account {name}; add it first")
        return self._issue(name if name.startswith("proj:") else f"{name}:apiKey", expires_in)

    def log_in(self, name: str, password: str) -> str:
        """A token for a person's session; raises ApiError (401)."""
        if not hmac.compare_digest(self._passwords.get(name, "").encode(), password.encode()) or not password:
            raise unauthenticated("Invalid username or password")
        return self._issue(f"{name}:login", _SESSION_SECONDS)

    def revoke(self, token: str) -> None:
        """Have the token count no more."""
        self._revoked.add(self._claims(token)["jti"])

    def identify(self, token: str | None) -> Caller:
        """Who carries the token; raises ApiError (401)."""
        if not token or not tokens.is_token(token):
            raise unauthenticated("no session information")
        claims = self._claims(token)
        subject: str = claims["sub"]
        name = subject if subject.startswith("proj:") else subject.partition(":")[0]
        if claims["jti"] in self._revoked:
            raise unauthenticated("invalid session: token is revoked, please re-login")
        return Caller(subject, claims["iat"], self._rights.get(name, ()))

    def identify_or_none(self, token: str | None) -> Caller | None:
        """Who carries the token, or None where that says nobody."""
        try:
            return self.identify(token)
        except ApiError:
            return None

    def _claims(self, token: str) -> dict[str, Any]:
        return tokens.read(token, self._key)

    def _issue(self, subject: str, expires_in: int | None) -> str:
        now = int(time.time())
        claims = {"iss": "argocd", "sub": subject, "nbf": now, "iat": now, "jti": str(uuid.uuid4())}
        return tokens.sign(claims | ({"exp": now + expires_in} if expires_in is not None else {}), self._key)
