"""Reads the images that Argo CD renders and sees live, and the pods, from its managed resources and resource tree."""

import json
from collections.abc import Iterator
from typing import Any

from tasks.domain.argocd.answers import Json, resource_name
from tasks.domain.argocd.rollouts import KIND, read_rollout
from tasks.domain.errors import InvalidImageReference
from tasks.domain.image import ImageReference, parse_image
from tasks.domain.rollout.facts import Health, Pod, Workloads

# False, with the scheduler's message, while no node takes the pod.
_SCHEDULED = "PodScheduled"


def read_workloads(managed: Json, tree: Json) -> Workloads:
    """The facts of GET managed-resources and GET resource-tree of one application."""
    resources = managed.get("items") or []
    nodes = tree.get("nodes") or []
    return Workloads(
        desired=_images(resource.get("targetState") for resource in resources),
        live=_images(resource.get("liveState") for resource in resources if _is_wanted(resource)),
        pods=_pods(nodes, _switched(resources)),
        images_of=tuple(
            (resource_name(r), found) for r in resources if (found := _images(iter([r.get("targetState")])))
        ),
    )


def read_pod_trouble(manifest: Json) -> str:
    """Why a live pod does not run, in Kubernetes' own words; empty where it does not say."""
    status = manifest.get("status") or {}
    containers = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    waiting = [((container.get("state") or {}).get("waiting") or {}).get("message") for container in containers]
    unmet = [c.get("message") for c in status.get("conditions") or [] if c.get("type") == _SCHEDULED]
    return next((str(text) for text in (*waiting, *unmet, status.get("message")) if text), "")


def _is_wanted(resource: Json) -> bool:
    """Whether git still has it: what only waits to be pruned says nothing about our change."""
    return resource.get("targetState") not in {None, "", "null"}


def _images(states: Iterator[object]) -> tuple[ImageReference, ...]:
    names = {name: None for state in states for name in _image_names(_decoded(state).get("spec"))}
    return _parsed(names)


def _decoded(state: object) -> Json:
    """An object's state: a JSON text in the answer, "null" or empty where there is none."""
    value = json.loads(state) if isinstance(state, str) and state else None
    return value if isinstance(value, dict) else {}


def _image_names(value: Any) -> Iterator[str]:
    """Every `image: text` below an object's spec: containers of any workload, and custom resources that have one."""
    if isinstance(value, dict):
        for key, part in value.items():
            if key == "image" and isinstance(part, str):
                yield part
            else:
                yield from _image_names(part)
    elif isinstance(value, list):
        for part in value:
            yield from _image_names(part)


def _parsed(names: Any) -> tuple[ImageReference, ...]:
    images = []
    for name in names:
        try:
            images.append(parse_image(name))
        except InvalidImageReference:
            # A custom resource may call anything an image; what is no reference cannot be ours.
            continue
    return tuple(images)


def _switched(resources: list[Json]) -> set[tuple[str, str]]:
    """Namespace and name of each blue-green Rollout that has switched: what is not its newest serves nobody.

    Its old pods stay for `scaleDownDelaySeconds`, which may be hours:
    https://argo-rollouts.readthedocs.io/en/stable/features/bluegreen/
    """
    live = [_decoded(one.get("liveState")) for one in resources if one.get("kind") == KIND]
    blue_green = (one for one in live if "blueGreen" in ((one.get("spec") or {}).get("strategy") or {}))
    found = [read_rollout(one) for one in blue_green]
    return {(one.namespace, one.name) for one in found if one.stable and one.stable == one.template}


def _pods(nodes: list[Json], switched: set[tuple[str, str]]) -> tuple[Pod, ...]:
    newest = _newest_generations(nodes)
    idle = {
        str(node.get("uid"))
        for node in nodes
        if node.get("kind") == "ReplicaSet" and not newest[str(node.get("uid"))] and _rollouts_of(node) & switched
    }
    return tuple(_pod(node, newest, stands_by=_owner(node) in idle) for node in nodes if node.get("kind") == "Pod")


def _rollouts_of(node: Json) -> set[tuple[str, str]]:
    parents = (parent for parent in node.get("parentRefs") or () if parent.get("kind") == KIND)
    return {(str(parent.get("namespace") or ""), str(parent.get("name"))) for parent in parents}


def _newest_generations(nodes: list[Json]) -> dict[str, bool]:
    """For each ReplicaSet's uid, whether it is its owner's newest one."""
    sets = [node for node in nodes if node.get("kind") == "ReplicaSet"]
    newest: dict[str, int] = {}
    for node in sets:
        newest[_owner(node)] = max(newest.get(_owner(node), 0), _generation(node))
    return {str(node.get("uid")): _generation(node) == newest[_owner(node)] for node in sets}


def _owner(node: Json) -> str:
    return str(next((parent.get("uid") for parent in node.get("parentRefs") or ()), None))


def _generation(node: Json) -> int:
    text = _info(node).get("Revision", "").removeprefix("Rev:")
    return int(text) if text.isdigit() else 0


def _info(node: Json) -> dict[str, str]:
    return {str(entry.get("name")): str(entry.get("value")) for entry in node.get("info") or ()}


def _pod(node: Json, newest: dict[str, bool], *, stands_by: bool) -> Pod:
    info, health = _info(node), node.get("health") or {}
    restarts = info.get("Restart Count", "0")
    return Pod(
        name=str(node.get("name")),
        images=_parsed(node.get("images") or ()),
        reason=info.get("Status Reason", "Unknown"),
        health=Health(health["status"]) if health.get("status") in set(Health) else Health.UNKNOWN,
        restarts=int(restarts) if restarts.isdigit() else 0,
        message=health.get("message") or "",
        is_current=newest.get(_owner(node), True),
        stands_by=stands_by,
        of_job=any(parent.get("kind") == "Job" for parent in node.get("parentRefs") or ()),
        namespace=str(node.get("namespace") or ""),
    )
