"""Brings the managed resources of an Application to what is wanted, one after the other."""

import copy
import json
from typing import Any

from deployments.sandbox.argocd.cluster import Cluster
from deployments.sandbox.argocd.comparison import Comparison, ManagedResource
from deployments.sandbox.argocd.resources import LAST_APPLIED, Document, annotations_of, images_of

# What others need comes first; kinds that are not named come between.
_FIRST = ("Namespace", "ServiceAccount", "Secret", "ConfigMap", "PersistentVolumeClaim", "Service")
_LAST = ("Deployment", "StatefulSet", "Job", "CronJob", "Ingress")
_WAVE = "argocd.argoproj.io/sync-wave"


def apply_all(comparison: Comparison, cluster: Cluster, sync: Document) -> list[Document]:
    """What became of each resource, as syncResult.resources tells it; `sync` is the operation's part of that name.

    A resource that the cluster refuses is SyncFailed and does not keep the others from being applied.
    """
    chosen = [resource for resource in comparison.resources if _is_selected(resource, sync.get("resources"))]
    results = []
    for resource in sorted(chosen, key=_order):
        if resource.requires_pruning:
            results.append(_prune(resource, cluster, sync))
        else:
            results.append(_apply(resource, cluster, dry_run=bool(sync.get("dryRun"))))
    return results


def failed_result(resource: ManagedResource, message: str) -> Document:
    """The result of a resource that the cluster did not take."""
    return _result(resource, "SyncFailed", message, hook_phase="Failed")


def _apply(resource: ManagedResource, cluster: Cluster, *, dry_run: bool) -> Document:
    target = resource.target or {}
    done = "unchanged" if resource.is_synced else "configured" if resource.live else "created"
    if not dry_run:
        manifest = copy.deepcopy(target)
        manifest["metadata"]["annotations"] = annotations_of(manifest) | {LAST_APPLIED: json.dumps(target)}
        try:
            cluster.apply(manifest)
        except (ValueError, OSError) as error:
            return failed_result(resource, str(error))
    kind = ".".join(filter(None, (resource.key.kind.lower(), resource.key.group)))
    message = f"{kind}/{resource.key.name} {done}" + " (dry run)" * dry_run
    return _result(resource, "Synced", message) | ({"images": images} if (images := images_of(target)) else {})


def _prune(resource: ManagedResource, cluster: Cluster, sync: Document) -> Document:
    if not sync.get("prune"):
        return _result(resource, "PruneSkipped", "ignored (requires pruning)", hook_phase="Succeeded")
    if not sync.get("dryRun"):
        cluster.delete(resource.key.kind, resource.key.namespace, resource.key.name)
    message = "pruned" + " (dry run)" * bool(sync.get("dryRun"))
    return _result(resource, "Pruned", message, hook_phase="Succeeded")


def _result(resource: ManagedResource, status: str, message: str, *, hook_phase: str = "Running") -> Document:
    # Argo CD shows a plain resource that was applied well with the hook phase Running, and the empty group.
    key = resource.key
    told: dict[str, Any] = {"group": key.group, "version": resource.version, "kind": key.kind}
    told |= {"namespace": key.namespace, "name": key.name, "status": status, "message": message}
    return told | {"hookPhase": hook_phase, "syncPhase": "Sync"}


def _is_selected(resource: ManagedResource, selection: list[Document] | None) -> bool:
    """An empty selection is everything."""
    key = resource.key
    return not selection or any(
        (one.get("group", ""), one["kind"], one["name"]) == (key.group, key.kind, key.name)
        and one.get("namespace", key.namespace) == key.namespace
        for one in selection
    )


def _order(resource: ManagedResource) -> tuple[int, int, str]:
    manifest = resource.target or resource.live or {}
    kind = resource.key.kind
    place = _FIRST.index(kind) - len(_FIRST) if kind in _FIRST else _LAST.index(kind) + 1 if kind in _LAST else 0
    return int(annotations_of(manifest).get(_WAVE, "0")), place, str(resource.key)
