"""Decides whether a comparison that found differences starts a sync by itself: Argo CD's auto-sync, as a pure rule."""

from dataclasses import dataclass
from typing import Any

from deployments.sandbox.argocd.comparison import Comparison
from deployments.sandbox.argocd.resources import Document
from deployments.sandbox.argocd.source import sources_of
from deployments.sandbox.argocd.status import revision_fields

_DEFAULT_RETRY = {"limit": 5}
_HEAL_BASE, _HEAL_FACTOR, _HEAL_CAP = 2.0, 3, 300.0


@dataclass(frozen=True, slots=True)
class StartSync:
    """The operation to begin."""

    operation: Document


@dataclass(frozen=True, slots=True)
class ReportSyncError:
    """Nothing begins, and the SyncError condition says why."""

    message: str


@dataclass(frozen=True, slots=True)
class LookAgain:
    """Self-healing backs off: nothing begins for so many seconds."""

    seconds: float


def is_automated(application: Document) -> bool:
    """Whether auto-sync is on: `automated: {}` is on, only `enabled: false` is off."""
    automated = (application["spec"].get("syncPolicy") or {}).get("automated")
    return automated is not None and automated.get("enabled", True) is not False


def decide_sync(
    application: Document, comparison: Comparison, *, since_last: float, scale: float
) -> StartSync | ReportSyncError | LookAgain | None:
    """What follows from the comparison; `since_last` is the seconds since the last operation ended.

    The caller has looked at the sync windows. `scale` shortens the back-off of self-healing.
    """
    if not is_automated(application) or "operation" in application or comparison.is_synced:
        return None
    automated = application["spec"]["syncPolicy"]["automated"]
    out_of_sync = [resource for resource in comparison.resources if not resource.is_synced]
    if not automated.get("prune") and all(resource.requires_pruning for resource in out_of_sync):
        return None
    revisions = comparison.desired.revisions
    if not _was_attempted(application, revisions):
        if automated.get("prune") and not automated.get("allowEmpty") and not comparison.desired.manifests:
            skipped = f"Skipping sync attempt to {_list(revisions)}"
            return ReportSyncError(f"{skipped}: auto-sync will wipe out all resources")
        return StartSync(_operation(application, revisions))
    state = application["status"]["operationState"]
    if state["phase"] != "Succeeded":
        return ReportSyncError(f"Failed last sync attempt to {_list(revisions)}: {state.get('message', '')}")
    if not automated.get("selfHeal"):
        return None
    attempts = state["operation"]["sync"].get("autoHealAttemptsCount", 0)
    pause = min(_HEAL_BASE * _HEAL_FACTOR**attempts, _HEAL_CAP) * scale
    if since_last < pause:
        return LookAgain(pause - since_last)
    healing = _operation(application, revisions)
    healing["sync"]["autoHealAttemptsCount"] = attempts + 1
    healing["sync"]["resources"] = [_selector(r.key.reference("")) for r in out_of_sync if not r.requires_pruning]
    return StartSync(healing)


def default_retry(application: Document) -> Document:
    """The retry strategy of an operation that does not bring its own."""
    return dict((application["spec"].get("syncPolicy") or {}).get("retry") or {})


def _operation(application: Document, revisions: tuple[str, ...]) -> Document:
    policy = application["spec"]["syncPolicy"]
    sync: dict[str, Any] = revision_fields(application, revisions)
    if policy["automated"].get("prune"):
        sync["prune"] = True
    if policy.get("syncOptions"):
        sync["syncOptions"] = list(policy["syncOptions"])
    retry = default_retry(application) or dict(_DEFAULT_RETRY)
    return {"sync": sync, "initiatedBy": {"automated": True}, "retry": retry}


def _was_attempted(application: Document, revisions: tuple[str, ...]) -> bool:
    state = application["status"].get("operationState") or {}
    result = state.get("syncResult") or {}
    tried = result.get("revisions") or [result.get("revision")]
    same_sources = result.get("sources") or [result.get("source")]
    return tried == list(revisions) and same_sources == sources_of(application)


def _selector(reference: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in reference.items() if name in ("group", "kind", "namespace", "name")}


def _list(revisions: tuple[str, ...]) -> str:
    return f"[{' '.join(revisions)}]"
