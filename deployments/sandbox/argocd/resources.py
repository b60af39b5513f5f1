"""What a Kubernetes manifest says about itself: its key, its images, and whose it is."""

from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]
"""A manifest or a part of one, in the shape that its JSON has; the wire format is its definition."""

TRACKING = "argocd.argoproj.io/tracking-id"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_CLUSTER_SCOPED = {
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "Namespace",
    "PersistentVolume",
    "PriorityClass",
    "StorageClass",
}


@dataclass(frozen=True, slots=True, order=True)
class ResourceKey:
    """Names one resource in a cluster; the group is empty for the core API, the namespace for cluster-wide kinds."""

    group: str
    kind: str
    namespace: str
    name: str

    def reference(self, version: str) -> dict[str, str]:
        """As Argo CD's JSON names a resource: empty parts are left out."""
        parts = {"group": self.group, "version": version, "kind": self.kind}
        return {k: v for k, v in (parts | {"namespace": self.namespace, "name": self.name}).items() if v}


def key_of(manifest: Document) -> ResourceKey:
    """The key of a manifest that has an apiVersion, a kind and a name."""
    group = manifest["apiVersion"].rpartition("/")[0]
    metadata = manifest["metadata"]
    return ResourceKey(group, manifest["kind"], metadata.get("namespace", ""), metadata["name"])


def version_of(manifest: Document) -> str:
    """The version without its group."""
    return str(manifest["apiVersion"].rpartition("/")[2])


def is_namespaced(kind: str) -> bool:
    """Whether resources of the kind live in a namespace; kinds that are not known do."""
    return kind not in _CLUSTER_SCOPED


def annotations_of(manifest: Document) -> dict[str, str]:
    """The annotations, none where there are none."""
    return manifest.get("metadata", {}).get("annotations") or {}


def images_of(manifest: Document) -> list[str]:
    """The images that a Pod or a workload's template names, its init containers' included; sorted, each once."""
    spec = manifest.get("spec") or {}
    pod = spec if manifest["kind"] == "Pod" else (spec.get("template") or {}).get("spec") or {}
    containers = [*(pod.get("initContainers") or []), *(pod.get("containers") or [])]
    return sorted({container["image"] for container in containers if container.get("image")})


def tracking_id(application: str, key: ResourceKey) -> str:
    """How a live resource says that it belongs to an Application, and that it is not a mere copy of one that does."""
    return f"{application}:{key.group}/{key.kind}:{key.namespace}/{key.name}"
