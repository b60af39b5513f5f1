"""The resource tree of an Application, and the summary that is read off it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from deployments.sandbox.argocd.cluster import Cluster
from deployments.sandbox.argocd.comparison import ManagedResource
from deployments.sandbox.argocd.health import Health, health_of
from deployments.sandbox.argocd.pod import pod_info
from deployments.sandbox.argocd.resources import Document, annotations_of, images_of, key_of, version_of

_REVISIONS = ("deployment.kubernetes.io/revision", "rollout.argoproj.io/revision")
_LINK = "link.argocd.argoproj.io/"


@dataclass(frozen=True, slots=True)
class Tree:
    """The nodes as Argo CD's JSON tells them, and the summary of the application."""

    nodes: tuple[Document, ...] = ()
    summary: dict[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """As GET resource-tree answers."""
        return {"nodes": list(self.nodes)}


def grow_tree(resources: Iterable[ManagedResource], cluster: Cluster) -> Tree:
    """The managed resources and everything that they own, however deep."""
    managed = list(resources)
    found = [resource.live for resource in managed if resource.live]
    found += _descendants(found, managed, cluster)
    missing = [_missing(resource) for resource in managed if resource.live is None]
    nodes = [*(_node(live, cluster) for live in found), *missing]
    images = {image for live in found if live["kind"] == "Pod" for image in images_of(live)}
    urls = {url for node in nodes for url in (node.get("networkingInfo") or {}).get("externalURLs", ())}
    summary = {"images": sorted(images), "externalURLs": sorted(urls)}
    return Tree(tuple(nodes), {name: value for name, value in summary.items() if value})


def _descendants(owners: list[Document], managed: list[ManagedResource], cluster: Cluster) -> list[Document]:
    namespaces = sorted({resource.key.namespace for resource in managed})
    objects = [live for namespace in namespaces for live in cluster.objects(namespace)]
    known, found = {_uid(owner) for owner in owners}, []
    while grown := [o for o in objects if _uid(o) not in known and known & {r["uid"] for r in _owners(o)}]:
        found += grown
        known |= {_uid(live) for live in grown}
    return found


def _node(live: Document, cluster: Cluster) -> Document:
    metadata, key = live["metadata"], key_of(live)
    node: Document = {**key.reference(version_of(live)), "uid": _uid(live)}
    if owners := _owners(live):
        node["parentRefs"] = [_parent(owner, key.namespace) for owner in owners]
    if info := _info(live):
        node["info"] = [{"name": name, "value": value} for name, value in info.items()]
    if networking := _networking(live, cluster):
        node["networkingInfo"] = networking
    node["resourceVersion"] = str(metadata.get("resourceVersion", ""))
    if live["kind"] == "Pod" and (images := images_of(live)):
        node["images"] = images
    if health := health_of(live):
        node["health"] = health.document()
    if metadata.get("creationTimestamp"):
        node["createdAt"] = metadata["creationTimestamp"]
    return node


def _missing(resource: ManagedResource) -> Document:
    """A node without uid, version and time of creation is one that is not there yet."""
    return {**resource.key.reference(resource.version), "health": Health("Missing").document()}


def _info(live: Document) -> dict[str, str]:
    if live["kind"] == "Pod":
        return pod_info(live)
    revision = next((annotations_of(live)[name] for name in _REVISIONS if name in annotations_of(live)), None)
    return {"Revision": f"Rev:{revision}"} if revision else {}


def _networking(live: Document, cluster: Cluster) -> dict[str, Any]:
    metadata, spec = live["metadata"], live.get("spec") or {}
    told: dict[str, Any] = {}
    if live["kind"] == "Pod" and metadata.get("labels"):
        told["labels"] = dict(metadata["labels"])
    urls = [text.rpartition("|")[2] for name, text in annotations_of(live).items() if name.startswith(_LINK)]
    if live["kind"] == "Service":
        if spec.get("selector"):
            told["targetLabels"] = dict(spec["selector"])
        # The sandbox has no Ingress: where the Service is reached on this machine stands for one's host.
        urls += filter(None, [cluster.service_url(metadata["namespace"], metadata["name"])])
    return told | ({"externalURLs": sorted(set(urls))} if urls else {})


def _parent(owner: Document, namespace: str) -> dict[str, str]:
    group = owner["apiVersion"].rpartition("/")[0]
    parent = {"group": group, "kind": owner["kind"], "namespace": namespace, "name": owner["name"], "uid": owner["uid"]}
    return {name: value for name, value in parent.items() if value}


def _owners(live: Document) -> list[Document]:
    return live["metadata"].get("ownerReferences") or []


def _uid(live: Document) -> str:
    return str(live["metadata"].get("uid", ""))
