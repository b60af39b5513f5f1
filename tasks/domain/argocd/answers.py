"""Reads Argo CD's Application object and its answers about tokens and errors.

Field names: https://argo-cd.readthedocs.io/en/stable/developer-guide/api-docs/. Absent fields are normal: Go leaves
out what is empty, and lists may be null.
"""

import base64
import binascii
import json
import re
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from tasks.domain.argocd.hydration import Hydration, read_hydration
from tasks.domain.rollout.facts import ApplicationStatus, Condition, Health, Operation, OutOfSync, Phase, Sync

Json = dict[str, Any]
_Name = TypeVar("_Name", Sync, Health, Phase)
_SKIP = "argocd.argoproj.io/skip-reconcile"
_SHA = re.compile(r"[0-9a-f]{40,64}")


def read_status(application: Json, source: int) -> ApplicationStatus:
    """The facts of an Application; `source` is the index of our source among its sources."""
    status, hydration = _part(application, "status"), read_hydration(application)
    sync, health = _part(status, "sync"), _part(status, "health")
    failure = hydration.failure if hydration else None
    return ApplicationStatus(
        revision=hydration.dry if hydration else _revision(sync, source),
        sync=_one_of(Sync, sync.get("status"), Sync.UNKNOWN),
        health=_one_of(Health, health.get("status"), Health.UNKNOWN),
        auto_sync=_is_auto_synced(application),
        health_message=health.get("message") or "",
        health_since=read_time(health.get("lastTransitionTime")),
        reconciled_at=read_time(status.get("reconciledAt")),
        operation=_operation(application, source, hydration),
        conditions=(*(_condition(c) for c in status.get("conditions") or ()), *((failure,) if failure else ())),
        syncs_head=hydration is not None,
        note=hydration.note if hydration else "",
        unhealthy=tuple(text for r in status.get("resources") or () if (text := _trouble(r))),
        out_of_sync=tuple(
            OutOfSync(resource_name(r), to_prune=bool(r.get("requiresPruning")))
            for r in status.get("resources") or ()
            if r.get("status") == Sync.OUT_OF_SYNC
        ),
        position=source + 1 if _part(application, "spec").get("sources") else None,
        skips_reconciliation=(_part(_part(application, "metadata"), "annotations").get(_SKIP) == "true"),
        owned_by_application_set=any(
            owner.get("kind") == "ApplicationSet"
            for owner in _part(application, "metadata").get("ownerReferences") or ()
        ),
    )


def _part(value: Json, name: str) -> Json:
    part = value.get(name)
    return part if isinstance(part, dict) else {}


def _revision(value: Json, source: int) -> str | None:
    """Our source's revision, or None where it is a branch name, as after a comparison that failed."""
    revisions = value.get("revisions") or []
    revision = revisions[source] if source < len(revisions) else value.get("revision")
    return revision if isinstance(revision, str) and _SHA.fullmatch(revision) else None


def _one_of(kind: type[_Name], value: object, default: _Name) -> _Name:
    try:
        return kind(str(value))
    except ValueError:
        return default


def _is_auto_synced(application: Json) -> bool:
    automated = _part(_part(application, "spec"), "syncPolicy").get("automated")
    # An empty mapping means on; `enabled: false` is how Argo CD 3.1 and later switch it off.
    return isinstance(automated, dict) and automated.get("enabled") is not False


def _operation(application: Json, source: int, hydration: Hydration | None) -> Operation | None:
    operation = _operation_of(application, source)
    if operation is None or hydration is None:
        return operation
    return replace(operation, revision=hydration.dry_of.get(operation.revision or ""))


def _operation_of(application: Json, source: int) -> Operation | None:
    state = _part(_part(application, "status"), "operationState")
    phase = _one_of(Phase, state.get("phase"), Phase.RUNNING)
    requested = _part(application, "operation")
    # A requested operation comes first: the state of the one before may still be there (argo-cd issue 20875).
    if requested and (not state or phase in {Phase.SUCCEEDED, Phase.FAILED, Phase.ERROR}):
        return Operation(Phase.REQUESTED, _revision(_part(requested, "sync"), source))
    if not state:
        return None
    result, asked = _part(state, "syncResult"), _part(_part(state, "operation"), "sync")
    return Operation(
        phase=phase,
        revision=_revision(result, source) or _revision(asked, source),
        message=state.get("message") or "",
        started_at=read_time(state.get("startedAt")),
        finished_at=read_time(state.get("finishedAt")),
        retries=int(state.get("retryCount") or 0),
        failures=tuple(text for r in result.get("resources") or () if (text := _failure(r))),
    )


def _failure(resource: Json) -> str:
    if resource.get("status") != "SyncFailed" and resource.get("hookPhase") not in {Phase.FAILED, Phase.ERROR}:
        return ""
    return f"{resource_name(resource)}: {resource.get('message') or 'no message'}"


def _condition(condition: Json) -> Condition:
    since = read_time(condition.get("lastTransitionTime"))
    return Condition(str(condition.get("type")), condition.get("message") or "", since)


def _trouble(resource: Json) -> str:
    health = _part(resource, "health")
    if health.get("status") in {None, Health.HEALTHY}:
        return ""
    message = health.get("message")
    return f"{resource_name(resource)} is {health['status']}" + (f": {message}" if message else "")


def resource_name(resource: Json) -> str:
    """Kind and name, as people call an object."""
    return f"{resource.get('kind')} {resource.get('name')}"


def read_time(value: object) -> datetime | None:
    """A time as Go writes it (RFC 3339), or None where there is none."""
    return datetime.fromisoformat(value) if isinstance(value, str) and value else None


def read_message(body: bytes) -> str:
    """What an error says; something in front of Argo CD may answer with a page instead of JSON."""
    try:
        value = json.loads(body)
    except ValueError:
        return "something in front of Argo CD answered" if body.lstrip().startswith(b"<") else _excerpt(body)
    message = (value.get("message") or value.get("error")) if isinstance(value, dict) else None
    return str(message) if message else _excerpt(body)


def _excerpt(body: bytes) -> str:
    return body[:200].decode(errors="replace").strip() or "no message"


def read_token_expiry(token: str) -> float | None:
    """The time in seconds since 1970 at which a JSON Web Token ends, or None where it says none (RFC 7519, exp)."""
    parts = token.split(".")
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return float(claims["exp"])
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error):
        return None
