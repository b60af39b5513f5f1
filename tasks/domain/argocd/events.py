"""Reads Argo CD's event stream of Applications, sent as server-sent events or as lines of JSON."""

import hashlib
import json
from dataclasses import dataclass

from tasks.domain.argocd.answers import Json

_TOLD = (
    "metadata.name",
    "metadata.namespace",
    "operation",
    "status.conditions",
    "status.health",
    "status.operationState.finishedAt",
    "status.operationState.message",
    "status.operationState.phase",
    "status.operationState.retryCount",
    "status.operationState.startedAt",
    "status.reconciledAt",
    "status.summary",
    "status.sync.revision",
    "status.sync.revisions",
    "status.sync.status",
)
# Lists can be cut down to these only; an older Argo CD leaves out the revision.
_LISTED = (
    "metadata.name",
    "metadata.namespace",
    "status.health",
    "status.operationState.finishedAt",
    "status.operationState.phase",
    "status.operationState.startedAt",
    "status.summary",
    "status.sync.revision",
    "status.sync.status",
)

STREAM_FIELDS = ",".join(("result.type", *(f"result.application.{field}" for field in _TOLD)))
"""What a stream is asked to tell: an event that reads like the one before is not sent again."""
LIST_FIELDS = ",".join(f"items.{field}" for field in _LISTED)
"""What a list is asked to tell."""


@dataclass(frozen=True, slots=True)
class Changed:
    """An Application that is there, has changed, or is gone."""

    name: str
    namespace: str


@dataclass(frozen=True, slots=True)
class Broken:
    """The server's last word on a stream; `status` is the HTTP status that it stands for, 0 where it says none."""

    message: str
    status: int = 0


def read_event(line: str) -> Changed | Broken | None:
    """What a line of the stream says; None for what only keeps the connection alive."""
    text = line.removeprefix("data:").strip()
    if not text or line.startswith(":"):
        return None
    try:
        value = json.loads(text)
    except ValueError:
        return Broken("something in front of Argo CD answered, not its event stream")
    if not isinstance(value, dict):
        return Broken("the event stream sent something that is no event")
    if error := value.get("error"):
        return _broken(error)
    try:
        metadata = value["result"]["application"]["metadata"]
        metadata["name"]
    except (KeyError, TypeError):
        return Broken("the event stream sent something that is no event")
    return Changed(str(metadata.get("name") or ""), str(metadata.get("namespace") or ""))


def read_prints(answer: Json) -> dict[Changed, str]:
    """For each Application of a list a text that is another one as soon as something about it is."""
    prints = {}
    for item in answer.get("items") or ():
        metadata = item.get("metadata") or {}
        name = Changed(str(metadata.get("name") or ""), str(metadata.get("namespace") or ""))
        prints[name] = hashlib.sha256(json.dumps(item, sort_keys=True).encode()).hexdigest()
    return prints


def _broken(error: object) -> Broken:
    if not isinstance(error, dict):
        return Broken(str(error))
    status = error.get("http_code")
    return Broken(str(error.get("message") or "no message"), status if isinstance(status, int) else 0)
