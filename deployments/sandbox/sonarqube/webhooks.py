"""The webhooks that SonarQube sends when it has computed an analysis, signed where a secret is set.

https://docs.sonarsource.com/sonarqube-server/latest/project-administration/webhooks
"""

import hashlib
import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import httpx

_LONGEST_ANSWER = 10


@dataclass(frozen=True)
class Webhook:
    """Where it is sent, and with which secret; without one it carries no signature."""

    url: str
    secret: str = ""


@dataclass(frozen=True)
class Delivery:
    """One that was sent; status 0 where nobody answered."""

    payload: dict[str, Any]
    status: int
    answer: str


def send(webhooks: Iterable[Webhook], project: str, payload: dict[str, Any]) -> list[Delivery]:
    """Send it to each; what comes of it changes nothing, as with SonarQube."""
    body = json.dumps(payload).encode()
    return [_send(webhook, project, payload, body) for webhook in webhooks]


def sign(body: bytes, secret: str) -> str:
    """The value of X-Sonar-Webhook-HMAC-SHA256."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _send(webhook: Webhook, project: str, payload: dict[str, Any], body: bytes) -> Delivery:
    headers = {"Content-Type": "application/json; charset=utf-8", "X-SonarQube-Project": project}
    if webhook.secret:
        headers["X-Sonar-Webhook-HMAC-SHA256"] = sign(body, webhook.secret)
    try:
        answer = httpx.post(webhook.url, content=body, headers=headers, timeout=_LONGEST_ANSWER)
    except httpx.HTTPError as problem:
        return Delivery(payload, 0, str(problem))
    return Delivery(payload, answer.status_code, answer.text)
