"""Who asks, and whether they may: tokens in the ways that GitHub and git send them."""

import base64
import binascii

from deployments.sandbox.github.apps import App, InstallationToken, signer
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
    token = token_in(authorization) or ""
    user = state.user_of_token(token)
    app_token = state.app_token(token)
    if app_token and app_token.unknown_for:
        app_token.unknown_for -= 1
        raise BadCredentials
    if user is None:
        raise BadCredentials
    return user


def app_token_of(state: GitHubState, authorization: str | None) -> InstallationToken | None:
    """The App's token in an Authorization header; None for anybody else."""
    return state.app_token(token_in(authorization) or "") if authorization else None


def signing_app(state: GitHubState, authorization: str | None) -> App | None:
    """The App whose JWT is in an Authorization header; None where there is none. Raises BadSignature."""
    token = token_in(authorization) if authorization else None
    return signer(state.apps, token) if token and token.count(".") == 2 else None


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
