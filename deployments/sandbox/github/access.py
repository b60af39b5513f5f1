"""Who asks, and whether they may: tokens in the ways that GitHub and git send them."""

import base64
import binascii

from deployments.sandbox.github.records import User
from deployments.sandbox.github.state import GitHubState


class BadCredentials(Exception):
    """There was a token, and it is nobody's."""


def caller(state: GitHubState, authorization: str | None) -> User | None:
    """The account behind an Authorization header, None without one; raises BadCredentials for an unknown token.

    Takes `Bearer` and `token` as the REST API does, and `Basic` with the token as password as git sends it.
    """
    if not authorization:
        return None
    token = token_in(authorization)
    user = state.user_of_token(token) if token else None
    if user is None:
        raise BadCredentials
    return user


def token_in(authorization: str) -> str | None:
    """The token of an Authorization header; None if it is malformed."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() in ("bearer", "token"):
        return value.strip()
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return None
