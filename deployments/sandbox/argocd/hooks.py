"""An operation's hooks: Jobs that run before, during or after the sync, and decide whether it goes on.

https://argo-cd.readthedocs.io/en/stable/user-guide/sync-waves/
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from deployments.sandbox.argocd.cluster import Cluster
from deployments.sandbox.argocd.resources import Document, annotations_of, key_of, version_of

PHASES = ("PreSync", "Sync", "PostSync")
_HOOK, _HELM_HOOK = "argocd.argoproj.io/hook", "helm.sh/hook"
_HELM_PHASES = {
    "pre-install": "PreSync",
    "pre-upgrade": "PreSync",
    "post-install": "PostSync",
    "post-upgrade": "PostSync",
}
_ENDS = {"Complete": "Succeeded", "SuccessCriteriaMet": "Succeeded", "Failed": "Failed"}


@dataclass(frozen=True, slots=True)
class HookRun:
    """One hook in one phase: its result as syncResult.resources tells it, and where it is."""

    result: Document
    phase: str

    @property
    def name(self) -> str:
        """Group, kind and name, as Argo CD's messages have it."""
        return "/".join(filter(None, (self.result["group"], self.result["kind"], self.result["name"])))


def is_hook(manifest: Document) -> bool:
    """Whether the manifest is run by operations and is no part of the desired state."""
    return _HOOK in annotations_of(manifest) or _HELM_HOOK in annotations_of(manifest)


def hooks_of(manifests: Iterable[Document], phase: str) -> list[Document]:
    """Those of the manifests that run in the phase."""
    return [manifest for manifest in manifests if phase in _phases(manifest)]


def start_hook(manifest: Document, cluster: Cluster) -> None:
    """Begin the hook anew; what is left of an earlier run goes first, which is Argo CD's default."""
    key = key_of(manifest)
    cluster.delete(key.kind, key.namespace, key.name)
    cluster.apply(manifest)


def look_at_hook(manifest: Document, phase: str, cluster: Cluster) -> HookRun:
    """Where the hook is; anything but a Job has ended once it is there."""
    key = key_of(manifest)
    live = cluster.get(key.kind, key.namespace, key.name) or {}
    ended = [c for c in (live.get("status") or {}).get("conditions") or [] if c.get("status") == "True"]
    found = next((_ENDS[c["type"]] for c in ended if c.get("type") in _ENDS), "Running")
    hook_phase = found if key.kind == "Job" else "Succeeded"
    result: dict[str, Any] = {"group": key.group, "version": version_of(manifest), "kind": key.kind}
    result |= {"namespace": key.namespace, "name": key.name, "hookType": phase, "syncPhase": phase}
    message = next((c["message"] for c in ended if c.get("message")), "") or f"{_kind(manifest)}/{key.name} created"
    return HookRun(result | {"message": message, "hookPhase": hook_phase}, hook_phase)


def _phases(manifest: Document) -> set[str]:
    annotations = annotations_of(manifest)
    if own := annotations.get(_HOOK):
        return {part.strip() for part in own.split(",")}
    return {_HELM_PHASES.get(part.strip(), "Skip") for part in annotations.get(_HELM_HOOK, "").split(",")}


def _kind(manifest: Document) -> str:
    return ".".join(filter(None, (manifest["kind"].lower(), key_of(manifest).group)))
