"""Tells managed resources as GET managed-resources does: states as texts of JSON, with secrets masked."""

import json
from typing import Any

from deployments.sandbox.argocd.comparison import ManagedResource
from deployments.sandbox.argocd.resources import LAST_APPLIED, Document

_MASK = "++++++++"


def managed_item(resource: ManagedResource) -> dict[str, Any]:
    """One resource; a state that is not there is the text `null`."""
    key = resource.key
    item: dict[str, Any] = {"group": key.group, "kind": key.kind, "namespace": key.namespace, "name": key.name}
    target, live = masked(resource.target), masked(resource.live)
    item |= {"targetState": json.dumps(target), "liveState": json.dumps(live)}
    item |= {"normalizedLiveState": json.dumps(live), "predictedLiveState": json.dumps(_predicted(live, target))}
    item |= {"resourceVersion": str(live["metadata"].get("resourceVersion", "")) if live else ""}
    item |= {"modified": not resource.is_synced}
    return {name: value for name, value in item.items() if value}


def masked(manifest: Document | None) -> Document | None:
    """The manifest without what a Secret hides, which includes what was applied last."""
    if manifest is None or manifest["kind"] != "Secret":
        return manifest
    hidden = {part: dict.fromkeys(manifest[part], _MASK) for part in ("data", "stringData") if manifest.get(part)}
    metadata = dict(manifest["metadata"])
    annotations = {k: v for k, v in (metadata.get("annotations") or {}).items() if k != LAST_APPLIED}
    return {**manifest, **hidden, "metadata": metadata | ({"annotations": annotations} if annotations else {})}


def _predicted(live: Any, target: Any) -> Any:
    """The live state after the target is applied; what was removed from the target is not looked at."""
    if isinstance(live, dict) and isinstance(target, dict):
        changed = {key: _predicted(live.get(key), value) for key, value in target.items()}
        return {**live, **changed}
    return live if target is None else target
