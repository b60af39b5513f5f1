"""Writes what the loops found into an Application, field for field as Argo CD's controller does."""

from collections.abc import Callable
from typing import Any

from deployments.sandbox.argocd.clock import timestamp
from deployments.sandbox.argocd.comparison import Comparison
from deployments.sandbox.argocd.health import Health
from deployments.sandbox.argocd.resources import Document
from deployments.sandbox.argocd.source import sources_of

REFRESH = "argocd.argoproj.io/refresh"


def revision_fields(application: Document, revisions: tuple[str, ...]) -> dict[str, Any]:
    """One `revision`, or `revisions` for an Application with several sources."""
    if application["spec"].get("sources"):
        return {"revisions": list(revisions)}
    return {"revision": revisions[0]}


def source_fields(application: Document) -> dict[str, Any]:
    """`source`, or the empty one that Go cannot leave out and `sources`."""
    if application["spec"].get("sources"):
        return {"source": {"repoURL": ""}, "sources": sources_of(application)}
    return {"source": sources_of(application)[0]}


def write_comparison(application: Document, comparison: Comparison, sync_error: str | None) -> None:
    """The sync status with the resources, and the conditions that follow."""
    status = application["status"]
    word = "Synced" if comparison.is_synced else "OutOfSync"
    status["sync"] = _sync(application, word, comparison.desired.revisions)
    status["resources"] = [resource.status() for resource in comparison.resources]
    if application["spec"].get("sources"):
        status["sourceTypes"] = list(comparison.desired.source_types)
    else:
        status["sourceType"] = comparison.desired.source_types[0]
    _set_conditions(status, {"SyncError": sync_error} if sync_error else {})


def write_failure(application: Document, message: str) -> None:
    """A comparison that could not be made: sync Unknown at the name of the revision, all else as it was."""
    wanted = tuple(source.get("targetRevision") or "HEAD" for source in sources_of(application))
    application["status"]["sync"] = _sync(application, "Unknown", wanted)
    _set_conditions(application["status"], {"ComparisonError": message})


def write_health(application: Document, health: Health, summary: dict[str, Any]) -> None:
    """The health with the time of its last transition, and the summary."""
    status = application["status"]
    status["summary"] = summary
    status["resourceHealthSource"] = "appTree"
    if status.get("health", {}).get("status") != health.status:
        status["health"] = health.document() | {"lastTransitionTime": timestamp()}


def write_reconciled(application: Document, refresh: str | None) -> None:
    """The time of a comparison with git, and the end of the refresh that it answers: in one change, as until 3.5."""
    status = application["status"]
    status["reconciledAt"] = timestamp()
    status["controllerNamespace"] = application["metadata"]["namespace"]
    status.setdefault("sourceHydrator", {})
    end_refresh(application, refresh)


def end_refresh(application: Document, refresh: str | None) -> None:
    """Take the annotation away, unless another kind of refresh was asked for since."""
    annotations = application["metadata"].get("annotations") or {}
    if refresh and annotations.get(REFRESH) == refresh:
        del annotations[REFRESH]
        if not annotations:
            del application["metadata"]["annotations"]


def request_refresh(kind: str) -> Callable[[Document], None]:
    """The change that asks for a refresh, `normal` or `hard`."""

    def change(application: Document) -> None:
        application["metadata"].setdefault("annotations", {})[REFRESH] = kind

    return change


def start_operation(application: Document, operation: Document) -> bool:
    """Have the operation carried out next; False where one is already asked for."""
    if "operation" in application:
        return False
    application["operation"] = operation
    application["status"].pop("operationState", None)
    return True


def _sync(application: Document, word: str, revisions: tuple[str, ...]) -> Document:
    compared = {**source_fields(application), "destination": application["spec"]["destination"]}
    return {"status": word, "comparedTo": compared, **revision_fields(application, revisions)}


def _set_conditions(status: Document, found: dict[str, str]) -> None:
    """Have exactly these conditions; one that was there already keeps its time."""
    before = {(one["type"], one["message"]): one for one in status.pop("conditions", [])}
    if found:
        status["conditions"] = [
            before.get((kind, message), {"type": kind, "message": message, "lastTransitionTime": timestamp()})
            for kind, message in found.items()
        ]
