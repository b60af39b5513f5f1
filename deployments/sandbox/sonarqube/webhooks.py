"""The webhooks that SonarQube sends when it has computed an analysis, signed where a secret is set.

https://docs.sonarsource.com/sonarqube-server/latest/project-administration/webhooks
"""

import hashlib
import hmac
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import httpx

from deployments.sandbox.sonarqube.records import Analysis, Task, moment

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


def payload(url: str, task: Task, status: str, analysis: Analysis | None) -> dict[str, Any]:
    """What is told of a task that has ended; of one that failed there is no analysis. `url` is the server's own."""
    now = moment(time.time())
    told: dict[str, Any] = {"serverUrl": url, "taskId": task.id, "status": status, "changedAt": now}
    told["project"] = {"key": task.project, "name": task.project, "url": f"{url}/dashboard?id={task.project}"}
    if analysis is None:
        return told | {"properties": {}}
    if analysis.metadata.revision:
        told["revision"] = analysis.metadata.revision
    conditions = [
        {
            "metric": one["metricKey"],
            "operator": {"LT": "LESS_THAN", "GT": "GREATER_THAN"}[one["comparator"]],
            **({"value": one["actualValue"]} if "actualValue" in one else {}),
            "status": one["status"] if "actualValue" in one else "NO_VALUE",
            "errorThreshold": one["errorThreshold"],
        }
        for one in analysis.gate["conditions"]
    ]
    is_main = analysis.pull_request is None
    return told | {
        "analysedAt": moment(analysis.computed),
        "branch": {
            "name": "main" if is_main else analysis.pull_request,
            "type": "BRANCH" if is_main else "PULL_REQUEST",
            "isMain": is_main,
        },
        "qualityGate": {"name": "Sonar way", "status": analysis.gate["status"], "conditions": conditions},
        "properties": analysis.metadata.properties,
    }


def send(webhooks: Iterable[Webhook], project: str, told: dict[str, Any]) -> list[Delivery]:
    """Send it to each; what comes of it changes nothing, as with SonarQube."""
    body = json.dumps(told).encode()
    return [_send(webhook, project, told, body) for webhook in webhooks]


def sign(body: bytes, secret: str) -> str:
    """The value of X-Sonar-Webhook-HMAC-SHA256."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _send(webhook: Webhook, project: str, told: dict[str, Any], body: bytes) -> Delivery:
    headers = {"Content-Type": "application/json; charset=utf-8", "X-SonarQube-Project": project}
    if webhook.secret:
        headers["X-Sonar-Webhook-HMAC-SHA256"] = sign(body, webhook.secret)
    try:
        answer = httpx.post(webhook.url, content=body, headers=headers, timeout=_LONGEST_ANSWER)
    except httpx.HTTPError as problem:
        return Delivery(told, 0, str(problem))
    return Delivery(told, answer.status_code, answer.text)
