"""GitHub Apps in the stand-in: their keys, where they are installed, and the tokens that they get.

https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app
"""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from deployments.sandbox.github.records import User

_LONGEST_SECONDS = 600
_LEVELS = ("read", "write", "admin")
Rights = Mapping[str, str]


class BadSignature(Exception):
    """What the App signed does not count; the message is GitHub's."""


@dataclass(frozen=True)
class App:
    """An App; its id is also that of its bot."""

    bot: User
    public_key: str = field(repr=False)
    rights: Rights

    @property
    def id(self) -> int:
        """The App's id."""
        return self.bot.id

    @property
    def slug(self) -> str:
        """The App's name in addresses."""
        return self.bot.login.removesuffix("[bot]")

    @property
    def client_id(self) -> str:
        """What GitHub would rather have than the id."""
        return f"Iv23li{self.id:014d}"


@dataclass
class Installation:
    """An App in one account; it may see these repositories (`OWNER/NAME`)."""

    id: int
    app: App
    account: str
    repositories: set[str]
    is_suspended: bool = False


@dataclass
class InstallationToken:
    """What an App's requests carry: for some repositories, some rights and some time."""

    value: str = field(repr=False)
    installation: Installation
    repositories: frozenset[str]
    rights: Rights
    expires: float
    # How often it is still unknown to the servers that have not heard of it yet.
    unknown_for: int = 0

    def allows(self, right: str, level: str) -> bool:
        """Whether the token has the right; everyone's metadata may be read."""
        given = self.rights.get(right, "read" if right == "metadata" else "")
        return given in _LEVELS and _LEVELS.index(given) >= _LEVELS.index(level)


def signer(apps: Mapping[int, App], token: str) -> App:
    """The App that signed the JWT; raises BadSignature for one that GitHub would not take."""
    for app in apps.values():
        try:
            found = jwt.decode(token, RSAKey.import_key(app.public_key), algorithms=["RS256"])
        except (JoseError, ValueError):
            continue
        if str(found.claims.get("iss")) in {str(app.id), app.client_id}:
            _check_times(found.claims.get("iat"), found.claims.get("exp"))
            return app
    raise BadSignature("A JSON web token could not be decoded")


def _check_times(issued: object, expires: object) -> None:
    now = time.time()
    if not isinstance(issued, int) or issued > now:
        raise BadSignature("'Issued at' claim ('iat') must be an Integer representing the time it was issued")
    if not isinstance(expires, int) or expires <= now:
        raise BadSignature("'Expiration time' claim ('exp') must be a numeric value in the future")
    if expires > now + _LONGEST_SECONDS:
        raise BadSignature("'Expiration time' claim ('exp') is too far in the future")


def new_token(
    installation: Installation, repositories: frozenset[str], rights: Rights, seconds: float, unknown_for: int
) -> InstallationToken:
    """A token as GitHub makes them."""
    value = f"ghs_{secrets.token_hex(18)}"
    return InstallationToken(value, installation, repositories, rights, time.time() + seconds, unknown_for)
