"""Signs and reads the JSON Web Tokens that Argo CD's accounts carry."""

import base64
import binascii
import hashlib
import hmac
import json
import time
from typing import Any

from deployments.sandbox.argocd.errors import unauthenticated

_HEADER = {"alg": "HS256", "typ": "JWT"}


def sign(claims: dict[str, Any], key: bytes) -> str:
    """The claims as a token."""
    signed = f"{_encode(json.dumps(_HEADER).encode())}.{_encode(json.dumps(claims).encode())}"
    return f"{signed}.{_signature(signed, key)}"


def is_token(text: str) -> bool:
    """Whether the text has a token's shape; Argo CD takes anything else for no token at all."""
    return text.count(".") == 2 and all(text.split("."))


def read(token: str, key: bytes) -> dict[str, Any]:
    """The claims of a token that is signed with the key and has not expired; raises ApiError (401)."""
    signed, _, signature = token.rpartition(".")
    if not hmac.compare_digest(signature.encode(), _signature(signed, key).encode()):
        raise unauthenticated("invalid session: token signature is invalid: signature is invalid")
    try:
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(signed.partition(".")[2] + "=="))
    except (binascii.Error, ValueError) as error:
        raise unauthenticated("invalid session: token is malformed") from error
    if claims.get("exp", float("inf")) <= time.time():
        raise unauthenticated("invalid session: token has invalid claims: token is expired")
    return claims


def _signature(signed: str, key: bytes) -> str:
    return _encode(hmac.new(key, signed.encode(), hashlib.sha256).digest())


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
