"""The cluster's live objects, as an API server keeps them: identities, versions, and news of every change."""

import threading
import uuid
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

Object = dict[str, Any]
"""An object in the shape of the Kubernetes API's JSON; the wire format is its definition."""

_WITH_GENERATION = ("Deployment", "ReplicaSet", "Rollout")
_FIRST_STATUS: dict[str, Object] = {"Deployment": {}, "Rollout": {}, "Service": {"loadBalancer": {}}}
# The annotations that controllers write, and that an apply leaves alone.
_CONTROLLERS_ANNOTATIONS = ("deployment.kubernetes.io/", "rollout.argoproj.io/")
# What the controller of a blue-green Rollout adds to the selector of its Services.
_CONTROLLERS_LABEL = "rollouts-pod-template-hash"


def timestamp(moment: datetime | None = None) -> str:
    """RFC 3339 of `moment`, or of now, in whole seconds as Kubernetes writes it."""
    return (moment or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")


class ObjectStore:
    """Thread-safe; what goes in and comes out is copied. Callbacks are called after the change, outside the lock."""

    def __init__(self) -> None:
        self._objects: dict[tuple[str, str, str], Object] = {}
        self._version = 0
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], object]] = []

    def subscribe(self, callback: Callable[[], object]) -> None:
        """Have `callback` called after each change, from any thread; it must return at once and not raise."""
        self._callbacks.append(callback)

    def get(self, kind: str, namespace: str, name: str) -> Object | None:
        """The object, or None."""
        with self._lock:
            return deepcopy(self._objects.get((kind, namespace, name)))

    def objects(self, namespace: str | None = None, kind: str | None = None) -> list[Object]:
        """All objects, or those of a namespace or a kind; the oldest first."""
        with self._lock:
            return [
                deepcopy(object_)
                for (its_kind, its_namespace, _), object_ in self._objects.items()
                if namespace in (None, its_namespace) and kind in (None, its_kind)
            ]

    def create(self, object_: Object) -> Object:
        """Add an object with an identity of its own and return it."""
        new = deepcopy(object_)
        with self._lock:
            self._version += 1
            new["metadata"] |= {
                "uid": str(uuid.uuid4()),
                "creationTimestamp": timestamp(),
                "resourceVersion": str(self._version),
            }
            if new["kind"] in _WITH_GENERATION:
                new["metadata"]["generation"] = 1
            if new["kind"] in _FIRST_STATUS:
                new.setdefault("status", deepcopy(_FIRST_STATUS[new["kind"]]))
            self._objects[_key(new)] = new
        self._tell()
        return deepcopy(new)

    def change(self, kind: str, namespace: str, name: str, edit: Callable[[Object], None]) -> bool:
        """Let `edit` change the object in place, True where that made a difference; one that is gone is no error."""
        with self._lock:
            live = self._objects.get((kind, namespace, name))
            if live is None:
                return False
            new = deepcopy(live)
            edit(new)
            if new == live:
                return False
            self._version += 1
            new["metadata"]["resourceVersion"] = str(self._version)
            if new["kind"] in _WITH_GENERATION and new["spec"] != live["spec"]:
                new["metadata"]["generation"] += 1
            self._objects[kind, namespace, name] = new
        self._tell()
        return True

    def apply(self, manifest: Object) -> Object:
        """Make the object be as the manifest says: its status and what controllers wrote stay."""
        kind, namespace, name = key = _key(manifest)
        if self.get(*key) is None:
            return self.create(manifest)
        self.change(kind, namespace, name, lambda live: _replace_declared(live, manifest))
        return self.get(*key) or self.create(manifest)

    def remove(self, kind: str, namespace: str, name: str) -> None:
        """Remove the object at once; one that is gone is no error."""
        with self._lock:
            gone = self._objects.pop((kind, namespace, name), None)
        if gone is not None:
            self._tell()

    def _tell(self) -> None:
        for callback in list(self._callbacks):
            callback()


def is_owned_by(object_: Object, owner: Object) -> bool:
    """Whether the object names the owner as its owner."""
    return any(r["uid"] == owner["metadata"]["uid"] for r in object_["metadata"].get("ownerReferences", []))


def owner_reference(owner: Object) -> Object:
    """What an object says of the one that controls it."""
    metadata = owner["metadata"]
    reference = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": metadata["name"]}
    return reference | {"uid": metadata["uid"], "controller": True, "blockOwnerDeletion": True}


def _key(object_: Object) -> tuple[str, str, str]:
    return object_["kind"], object_["metadata"]["namespace"], object_["metadata"]["name"]


def _replace_declared(live: Object, manifest: Object) -> None:
    new = deepcopy(manifest)
    kept = {k: v for k, v in _annotations(live).items() if k.startswith(_CONTROLLERS_ANNOTATIONS)}
    chosen = (live.get("spec") or {}).get("selector", {}).get(_CONTROLLERS_LABEL)
    if new["kind"] == "Service" and chosen:
        new["spec"]["selector"][_CONTROLLERS_LABEL] = chosen
    for field in ("spec", "data", "binaryData", "immutable"):
        live.pop(field, None)
        if field in new:
            live[field] = new[field]
    for field, values in (("labels", new["metadata"].get("labels")), ("annotations", _annotations(new) | kept)):
        live["metadata"].pop(field, None)
        if values:
            live["metadata"][field] = values


def _annotations(object_: Object) -> dict[str, str]:
    return object_["metadata"].get("annotations") or {}
