"""What Argo CD needs of a Kubernetes cluster; deployments.sandbox.cluster is one."""

from collections.abc import Callable
from typing import Any, Protocol


class Cluster(Protocol):
    """Live objects, in the shape that the Kubernetes API gives them, with status and metadata."""

    def apply(self, manifest: dict[str, Any], /) -> object:
        """Create the object or change it to be as the manifest says; raises ValueError or OSError where not."""

    def change(self, kind: str, namespace: str, name: str, edit: Callable[[dict[str, Any]], None], /) -> bool:
        """Let `edit` change the live object in place, its status too; False where it is not there or stays the same."""

    def delete(self, kind: str, namespace: str, name: str, /) -> object:
        """Remove the object and what it owns; nothing happens where it is not there."""

    def get(self, kind: str, namespace: str, name: str, /) -> dict[str, Any] | None:
        """The live object, or None."""

    def objects(self, namespace: str, /) -> list[dict[str, Any]]:
        """Every live object in the namespace, owned ones included."""

    def service_url(self, namespace: str, name: str, /) -> str | None:
        """Where a Service is reached from this machine, or None where it is not."""

    def logs(self, namespace: str, pod: str, /) -> str:
        """What a pod has printed; empty where there is none."""

    def subscribe(self, callback: Callable[..., object], /) -> object:
        """Have `callback` called after each change, from any thread; it returns at once."""
