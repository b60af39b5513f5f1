"""Compares what an Application wants with what its cluster has."""

import json
from dataclasses import dataclass
from typing import Any

from deployments.sandbox.argocd.cluster import Cluster
from deployments.sandbox.argocd.desired import Desired
from deployments.sandbox.argocd.resources import (
    LAST_APPLIED,
    TRACKING,
    Document,
    ResourceKey,
    annotations_of,
    key_of,
    tracking_id,
    version_of,
)


@dataclass(frozen=True, slots=True)
class ManagedResource:
    """One resource as wanted and as live; at least one of the two is there."""

    key: ResourceKey
    target: Document | None
    live: Document | None

    @property
    def is_synced(self) -> bool:
        """Whether it is live as it is wanted."""
        return self.target is not None and self.live is not None and not differs(self.target, self.live)

    @property
    def requires_pruning(self) -> bool:
        """Whether it is live and no longer wanted."""
        return self.target is None

    @property
    def version(self) -> str:
        """The version of its group."""
        return version_of(self.target or self.live or {})

    def status(self) -> dict[str, Any]:
        """As status.resources[] tells it; health is kept elsewhere."""
        told: dict[str, Any] = dict(self.key.reference(self.version))
        told["status"] = "Synced" if self.is_synced else "OutOfSync"
        return told | ({"requiresPruning": True} if self.requires_pruning else {})


@dataclass(frozen=True, slots=True)
class Comparison:
    """The result for one Application, with what it rests on."""

    desired: Desired
    resources: tuple[ManagedResource, ...]

    @property
    def is_synced(self) -> bool:
        """Whether all that is wanted is live, and nothing else is."""
        return all(resource.is_synced for resource in self.resources)


def compare(application: str, desired: Desired, cluster: Cluster) -> Comparison:
    """The managed resources by key: all that are wanted, and those that are live with the Application's mark."""
    targets = {key_of(manifest): manifest for manifest in desired.manifests}
    found = [ManagedResource(k, t, cluster.get(k.kind, k.namespace, k.name)) for k, t in targets.items()]
    for namespace in sorted({key.namespace for key in targets}):
        for live in cluster.objects(namespace):
            key = key_of(live)
            if key not in targets and annotations_of(live).get(TRACKING) == tracking_id(application, key):
                found.append(ManagedResource(key, None, live))
    return Comparison(desired, tuple(sorted(found, key=lambda resource: resource.key)))


def differs(target: Document, live: Document) -> bool:
    """Whether the live object lacks something wanted, or still has what was applied once and is wanted no more."""
    applied = json.loads(annotations_of(live).get(LAST_APPLIED, "{}"))
    wanted = {k: v for k, v in target.items() if k != "status"}
    return not _covers(live, wanted) or _keeps_removed(live, wanted, applied)


def _covers(live: Any, wanted: Any) -> bool:
    """The cluster may add fields of its own to mappings, never to lists."""
    if isinstance(wanted, dict):
        return isinstance(live, dict) and all(
            # Kubernetes drops what is empty: `env: []` and no env are the same.
            _covers(live[key], value) if key in live else value in (None, {}, [], "")
            for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        same_length = isinstance(live, list) and len(live) == len(wanted)
        return same_length and all(_covers(one, other) for one, other in zip(live, wanted, strict=True))
    return bool(live == wanted)


def _keeps_removed(live: Any, wanted: Any, applied: Any) -> bool:
    if isinstance(applied, dict) and isinstance(wanted, dict) and isinstance(live, dict):
        return any(key in live and key not in wanted for key in applied) or any(
            _keeps_removed(live[key], wanted[key], value)
            for key, value in applied.items()
            if key in live and key in wanted
        )
    lists = isinstance(applied, list) and isinstance(wanted, list) and isinstance(live, list)
    return lists and any(_keeps_removed(*three) for three in zip(live, wanted, applied, strict=False))
