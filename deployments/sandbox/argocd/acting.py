"""The endpoints that start, end and undo an operation; all of them answer before anything has happened."""

from typing import Any

from deployments.sandbox.argocd.call import Call, rbac_name
from deployments.sandbox.argocd.desired import TargetStateError
from deployments.sandbox.argocd.errors import failed_precondition, invalid_argument, permission_denied
from deployments.sandbox.argocd.repository import FULL_SHA, RepositoryError
from deployments.sandbox.argocd.resources import Document
from deployments.sandbox.argocd.source import sources_of
from deployments.sandbox.argocd.status import revision_fields, start_operation
from deployments.sandbox.argocd.store import name_of
from deployments.sandbox.argocd.sync_policy import default_retry, is_automated

_BUSY = (
    "error setting app operation: rpc error: code = FailedPrecondition desc = another operation is already in progress"
)
_NOTHING_RUNS = "Unable to terminate operation. No operation is in progress"


def sync(call: Call) -> Document:
    """Ask for a sync; windows are looked at before the right to sync, as Argo CD does."""
    application = call.application()
    if not call.state.parts.may_sync(application, manual=True):
        raise permission_denied("cannot sync: blocked by sync window")
    call.caller.require("applications", "sync", rbac_name(application))
    _refuse_while_automated(call, application)
    operation: Document = {"sync": _sync_of(call, application), "initiatedBy": {"username": call.caller.username}}
    if infos := call.field("infos"):
        operation["info"] = infos
    operation["retry"] = call.field("retryStrategy") or default_retry(application)
    return _ask_for(call, application, operation)


def rollback(call: Call) -> Document:
    """Ask for a revision of the history again; impossible while the application syncs by itself."""
    application = call.application("sync")
    if is_automated(application):
        raise failed_precondition("rollback cannot be initiated when auto-sync is enabled")
    asked = call.field("id") or 0
    entry = next((e for e in application["status"].get("history", []) if e["id"] == asked), None)
    if entry is None:
        name = application["metadata"]["name"]
        raise invalid_argument(f"application {name} does not have deployment id {asked} in history")
    restored = {key: entry[key] for key in ("revision", "revisions", "source", "sources") if key in entry}
    asked_for = {key: True for key in ("prune", "dryRun") if call.field(key)}
    operation = {"sync": {**restored, **asked_for, "syncStrategy": {"apply": {}}}}
    operation["initiatedBy"] = {"username": call.caller.username}
    return _ask_for(call, application, operation)


def terminate(call: Call) -> dict[str, Any]:
    """Have the running operation end; it does so at its next step."""
    application = call.application("sync")
    ended = []

    def change(document: Document) -> None:
        if "operation" in document and "operationState" in document["status"]:
            document["status"]["operationState"]["phase"] = "Terminating"
            ended.append(document)

    call.state.store.update(name_of(application), change)
    if not ended:
        raise invalid_argument(_NOTHING_RUNS)
    return {}


def _refuse_while_automated(call: Call, application: Document) -> None:
    asked, target = call.text("revision"), sources_of(application)[0].get("targetRevision") or "HEAD"
    if asked and asked != target and is_automated(application) and not call.field("dryRun"):
        raise failed_precondition(f"Cannot sync to {asked}: auto-sync currently set to {target}")


def _sync_of(call: Call, application: Document) -> Document:
    sync: Document = {**revision_fields(application, _revisions(call, application))}
    sync |= {key: True for key in ("prune", "dryRun") if call.field(key)}
    sync["syncStrategy"] = call.field("strategy") or {"hook": {}}
    options = (call.field("syncOptions") or {}).get("items") or (
        (application["spec"].get("syncPolicy") or {}).get("syncOptions")
    )
    if options:
        sync["syncOptions"] = list(options)
    if resources := call.field("resources"):
        sync["resources"] = resources
    return sync


def _revisions(call: Call, application: Document) -> tuple[str, ...]:
    """A full SHA is taken at its word; anything else is looked up at the remote now."""
    asked, sources = call.text("revision"), sources_of(application)
    if len(sources) > 1:
        return _revisions_of_several(call, application)
    if asked and FULL_SHA.fullmatch(asked) and len(sources) == 1:
        return (asked,)
    try:
        if asked and len(sources) == 1:
            return (call.state.repositories.resolve(sources[0]["repoURL"], asked),)
        return call.state.parts.desired.resolve(application)
    except (RepositoryError, TargetStateError) as error:
        raise failed_precondition(str(error)) from error


def _revisions_of_several(call: Call, application: Document) -> tuple[str, ...]:
    """`revisions` go with `sourcePositions`, counted from 1; `revision` means nothing to several sources."""
    asked, positions = call.field("revisions") or [], call.field("sourcePositions") or []
    if len(asked) != len(positions):
        raise invalid_argument("source positions and revisions must have the same length")
    if any(not isinstance(p, int) or not 1 <= p <= len(sources_of(application)) for p in positions):
        raise invalid_argument("source position is out of range")
    try:
        resolved = list(call.state.parts.desired.resolve(application))
    except (RepositoryError, TargetStateError) as error:
        raise failed_precondition(str(error)) from error
    for revision, position in zip(asked, positions, strict=True):
        resolved[position - 1] = revision
    return tuple(resolved)


def _ask_for(call: Call, application: Document, operation: Document) -> Document:
    taken = []

    def change(document: Document) -> None:
        taken.append(start_operation(document, operation))

    answer = call.state.store.update(name_of(application), change)
    if answer is None or not taken[-1]:
        raise failed_precondition(_BUSY)
    return call.with_resource_health(answer)
