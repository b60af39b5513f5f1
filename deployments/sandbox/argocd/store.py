"""The Applications as Kubernetes keeps them: documents with a version, and whoever watches them."""

import copy
import itertools
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from deployments.sandbox.argocd.clock import timestamp
from deployments.sandbox.argocd.resources import Document


class ApplicationName(NamedTuple):
    """Names one Application: several namespaces may hold some of the same name."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One change: ADDED, MODIFIED or DELETED, with the document after it, which is never changed again."""

    type: str
    application: Document


Listener = Callable[[WatchEvent], None]


class ApplicationStore:
    """Documents go in and out as copies; listeners are called in the order of the changes and must return at once."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self._documents: dict[ApplicationName, Document] = {}
        self._listeners: list[Listener] = []
        self._versions = itertools.count(1000)
        self._lock = threading.RLock()

    @property
    def version(self) -> str:
        """The resourceVersion of the whole collection."""
        with self._lock:
            newest = max((int(d["metadata"]["resourceVersion"]) for d in self._documents.values()), default=999)
            return str(newest)

    def apply(self, manifest: Document) -> ApplicationName:
        """Create the Application or replace its spec, labels and annotations; raises ValueError where it is no one."""
        _check(manifest)
        given = copy.deepcopy(manifest)
        key = ApplicationName(given["metadata"].get("namespace") or self.namespace, given["metadata"]["name"])
        spec = {"project": "default", **given["spec"]}
        described = {k: v for k, v in given["metadata"].items() if k in ("labels", "annotations", "finalizers") and v}
        with self._lock:
            if key in self._documents:
                self.update(key, lambda document: _replace(document, described, spec))
                return key
            metadata = {"name": key.name, "namespace": key.namespace, "uid": str(uuid.uuid4()), "generation": 0}
            metadata |= {"creationTimestamp": timestamp(), **described}
            self._write(key, "ADDED", {"metadata": metadata, "spec": spec, "status": {}})
        return key

    def delete(self, key: ApplicationName) -> None:
        """Forget the Application; what it deployed stays."""
        with self._lock:
            if document := self._documents.pop(key, None):
                self._tell(WatchEvent("DELETED", document))

    def get(self, key: ApplicationName) -> Document | None:
        """The Application now, or None."""
        with self._lock:
            return copy.deepcopy(self._documents.get(key))

    def all(self) -> list[Document]:
        """Every Application, by name."""
        with self._lock:
            return [copy.deepcopy(self._documents[key]) for key in sorted(self._documents, key=lambda k: k[::-1])]

    def update(self, key: ApplicationName, change: Callable[[Document], object]) -> Document | None:
        """Let `change` edit the Application, and tell everyone if it did; None where there is none."""
        with self._lock:
            before = self._documents.get(key)
            if before is None:
                return None
            after = copy.deepcopy(before)
            change(after)
            if after != before:
                self._write(key, "MODIFIED", after)
            return copy.deepcopy(after)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Have the listener told of every change from now on; returns what ends that."""
        with self._lock:
            self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def _write(self, key: ApplicationName, event: str, document: Document) -> None:
        # Application has no status subresource, so every change counts as a new generation.
        document["metadata"]["generation"] += 1
        document["metadata"]["resourceVersion"] = str(next(self._versions))
        self._documents[key] = document
        self._tell(WatchEvent(event, document))

    def _tell(self, event: WatchEvent) -> None:
        for listener in list(self._listeners):
            listener(event)


def name_of(application: Document) -> ApplicationName:
    """The key of an Application's document."""
    return ApplicationName(application["metadata"]["namespace"], application["metadata"]["name"])


def _replace(document: Document, described: Document, spec: Document) -> None:
    for part in ("labels", "annotations", "finalizers"):
        document["metadata"].pop(part, None)
    document["metadata"].update(described)
    document["spec"] = spec


def _check(manifest: Document) -> None:
    spec, name = manifest.get("spec") or {}, (manifest.get("metadata") or {}).get("name")
    if manifest.get("kind") != "Application" or not name:
        raise ValueError("the manifest is no Application with a metadata.name; give one of kind Application")
    if spec.get("sourceHydrator") and spec.get("destination"):
        return
    if not (spec.get("sources") or spec.get("source")) or not spec.get("destination"):
        raise ValueError(f"the Application {name} needs spec.destination and spec.source or spec.sources")
    if any(not source.get("repoURL") for source in spec.get("sources") or [spec["source"]]):
        raise ValueError(f"a source of the Application {name} has no repoURL; give the URL of a git repository")
