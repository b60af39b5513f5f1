"""Delivers webhooks as GitHub does: signed, with a limit of ten seconds, never again by itself, every attempt kept."""

import hashlib
import hmac
import json
import threading
import time
import uuid
from dataclasses import replace
from itertools import count
from typing import Any

import httpx

from deployments.sandbox.github.faults import Faults
from deployments.sandbox.github.records import Delivery, Hook, timestamp

# https://docs.github.com/webhooks/using-webhooks/handling-webhook-deliveries
_ANSWER_WITHIN = 10.0
_delivery_ids = count(1)


def signature_of(secret: str, body: bytes) -> str:
    """The value of X-Hub-Signature-256 for a body, byte for byte as it is sent."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def new_delivery(hook: Hook, repository_id: int, event: str, payload: dict[str, Any]) -> Delivery:
    """What would be sent, with a guid of its own; the Outbox sends it."""
    body = json.dumps(payload).encode()
    guid = str(uuid.uuid4())
    headers = {
        "Accept": "*/*",
        "Content-Type": "application/json",
        "User-Agent": "GitHub-Hookshot/sandbox",
        "X-GitHub-Delivery": guid,
        "X-GitHub-Event": event,
        "X-GitHub-Hook-ID": str(hook.id),
        "X-GitHub-Hook-Installation-Target-ID": str(repository_id),
        "X-GitHub-Hook-Installation-Target-Type": "repository",
    }
    if hook.secret:
        headers["X-Hub-Signature-256"] = signature_of(hook.secret, body)
    return Delivery(
        id=next(_delivery_ids),
        guid=guid,
        event=event,
        action=payload.get("action"),
        delivered_at=timestamp(),
        duration=0.0,
        status="",
        status_code=0,
        redelivery=False,
        request_headers=headers,
        request_body=body,
        response_headers={},
        response_body="",
    )


def redelivery_of(delivery: Delivery) -> Delivery:
    """The same body under the same guid, signed as it was."""
    return replace(delivery, id=next(_delivery_ids), redelivery=True, delivered_at=timestamp())


class Outbox:
    """Sends deliveries, each in a thread of its own, so that a slow receiver holds up nobody."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._sending: list[threading.Thread] = []

    def send(self, hook: Hook, delivery: Delivery) -> None:
        """Send, and record how it went when the receiver has answered or its time is over."""
        thread = threading.Thread(target=self._send, args=(hook, delivery), daemon=True, name="webhook")
        self._sending = [*(other for other in self._sending if other.is_alive()), thread]
        thread.start()

    def _send(self, hook: Hook, delivery: Delivery) -> None:
        started = time.monotonic()
        outcome = _unreachable() if self._faults.webhooks_fail else _post(hook.url, delivery)
        duration = round(time.monotonic() - started, 3)
        hook.deliveries.append(replace(delivery, duration=duration, **outcome))

    def wait(self, seconds: float) -> None:
        """Return when nothing is under way any more; raises TimeoutError after that time."""
        end = time.monotonic() + seconds
        for thread in list(self._sending):
            thread.join(max(0.0, end - time.monotonic()))
            if thread.is_alive():
                raise TimeoutError(f"a webhook delivery was not answered within {seconds} seconds")


def _post(url: str, delivery: Delivery) -> dict[str, Any]:
    try:
        response = httpx.post(
            url,
            content=delivery.request_body,
            headers=delivery.request_headers,
            timeout=_ANSWER_WITHIN,
            trust_env=False,  # The receiver is on this machine: no proxy in between.
        )
    except httpx.TimeoutException:
        return {"status": "timed out", "status_code": 504}
    except (httpx.HTTPError, httpx.InvalidURL):
        return _unreachable()
    return {
        "status": "OK" if response.is_success else f"Invalid HTTP Response: {response.status_code}",
        "status_code": response.status_code,
        "response_headers": dict(response.headers),
        "response_body": response.text,
    }


def _unreachable() -> dict[str, Any]:
    return {"status": "failed to connect to host", "status_code": 502}
