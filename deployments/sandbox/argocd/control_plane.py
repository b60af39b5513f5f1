"""The cluster as Argo CD sees it: what it applies may be Applications of its own, as in an app of apps."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from deployments.sandbox.argocd.cluster import Cluster
from deployments.sandbox.argocd.resources import Document
from deployments.sandbox.argocd.store import ApplicationName, ApplicationStore

_KIND, _VERSION = "Application", "argoproj.io/v1alpha1"


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """The cluster with the Applications in it; everything else is the cluster's."""

    cluster: Cluster
    store: ApplicationStore

    def apply(self, manifest: Document, /) -> object:
        """Create the object or change it; raises ValueError or OSError where not."""
        if manifest["kind"] == _KIND:
            return self.store.apply(manifest)
        return self.cluster.apply(manifest)

    def change(self, kind: str, namespace: str, name: str, edit: Callable[[Document], None], /) -> bool:
        """Let `edit` change the live object; False where it is not there or stays the same."""
        if kind != _KIND:
            return self.cluster.change(kind, namespace, name, edit)
        key = ApplicationName(namespace, name)
        before = self.store.get(key)
        return before is not None and self.store.update(key, edit) != before

    def delete(self, kind: str, namespace: str, name: str, /) -> object:
        """Remove the object."""
        if kind == _KIND:
            self.store.delete(ApplicationName(namespace, name))
            return None
        return self.cluster.delete(kind, namespace, name)

    def get(self, kind: str, namespace: str, name: str, /) -> Document | None:
        """The live object, or None."""
        if kind != _KIND:
            return self.cluster.get(kind, namespace, name)
        found = self.store.get(ApplicationName(namespace, name))
        return _live(found) if found else None

    def objects(self, namespace: str, /) -> list[Document]:
        """Every live object in the namespace."""
        own = [_live(one) for one in self.store.all() if one["metadata"]["namespace"] == namespace]
        return [*self.cluster.objects(namespace), *own]

    def service_url(self, namespace: str, name: str, /) -> str | None:
        """Where a Service is reached."""
        return self.cluster.service_url(namespace, name)

    def logs(self, namespace: str, pod: str, /) -> str:
        """What a pod has printed."""
        return self.cluster.logs(namespace, pod)

    def subscribe(self, callback: Callable[..., object], /) -> object:
        """Have `callback` called after each change in the cluster."""
        return self.cluster.subscribe(callback)


def _live(application: Document) -> dict[str, Any]:
    live = copy.deepcopy(application)
    return {"apiVersion": _VERSION, "kind": _KIND, **live}
