"""How a Deployment's next step is decided: a rolling update as a function of what is there.

Its other half is deployment_status, what it says of itself. Old pods go only as new ones become ready: maxUnavailable
counts as zero. The outside rules are those of
https://kubernetes.io/docs/concepts/workloads/controllers/deployment/.
"""

import hashlib
import json
import math
from copy import deepcopy
from dataclasses import dataclass

from deployments.sandbox.cluster.state import Object, owner_reference

REVISION = "deployment.kubernetes.io/revision"
HASH = "pod-template-hash"
# Without vowels and look-alikes, so that no hash reads as a word.
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


@dataclass(frozen=True, slots=True)
class Replicas:
    """One ReplicaSet by its numbers: how many pods it should have, and how many of those that it has are ready."""

    name: str
    wanted: int
    ready: int


def next_sizes(replicas: int, surge: int, new: Replicas, old: list[Replicas]) -> dict[str, int]:
    """The sizes that change now, by ReplicaSet; called again after each change until it is empty.

    `old` is in the order in which they lose pods. Pods that are not ready go first; ready ones go only while `replicas`
    ready ones are left.
    """
    if new.wanted > replicas:
        return {new.name: replicas}
    total = new.wanted + sum(each.wanted for each in old)
    room = replicas + surge - total
    if new.wanted < replicas and room > 0:
        return {new.name: min(replicas, new.wanted + room)}
    spare = total - replicas - max(new.wanted - new.ready, 0)
    sizes, spare = _without_unready(old, spare)
    ready = new.ready + sum(min(each.ready, sizes.get(each.name, each.wanted)) for each in old)
    spare = min(spare, ready - replicas)
    for each in old:
        size = sizes.get(each.name, each.wanted)
        gone = min(size, max(spare, 0))
        if gone:
            sizes[each.name] = size - gone
            spare -= gone
    return sizes


def _without_unready(old: list[Replicas], spare: int) -> tuple[dict[str, int], int]:
    sizes = {}
    for each in old:
        gone = min(max(spare, 0), max(each.wanted - each.ready, 0))
        if gone:
            sizes[each.name] = each.wanted - gone
            spare -= gone
    return sizes, spare


def surge_of(deployment: Object) -> int:
    """How many pods more than wanted may exist; a percentage is rounded up, and at least one is allowed."""
    strategy = deployment["spec"].get("strategy") or {}
    declared = (strategy.get("rollingUpdate") or {}).get("maxSurge", "25%")
    if isinstance(declared, str) and declared.removesuffix("%").isdecimal():
        return max(1, math.ceil(replicas_of(deployment) * int(declared.removesuffix("%")) / 100))
    return max(1, declared) if isinstance(declared, int) else 1


def replicas_of(owner: Object) -> int:
    """How many pods a Deployment or a ReplicaSet should have."""
    return int(owner["spec"].get("replicas", 1))


def template_hash(deployment: Object) -> str:
    """The same for the same pod template, whatever the order of its keys."""
    text = json.dumps(deployment["spec"]["template"], sort_keys=True)
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
    letters = []
    for _ in range(9):
        number, letter = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[letter])
    return "".join(letters)


def revision_of(object_: Object, annotation: str = REVISION) -> int:
    """The revision that a Deployment or a ReplicaSet carries; zero before it has one."""
    return int((object_["metadata"].get("annotations") or {}).get(annotation, 0))


def replica_set_for(deployment: Object, revision: int, *, label: str = HASH, annotation: str = REVISION) -> Object:
    """The ReplicaSet of the Deployment's present template, without pods yet."""
    metadata, spec, template = deployment["metadata"], deployment["spec"], template_hash(deployment)
    labelled = deepcopy(spec["template"])
    labelled["metadata"]["labels"][label] = template
    selector = {"matchLabels": spec["selector"]["matchLabels"] | {label: template}}
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{metadata['name']}-{template}",
            "namespace": metadata["namespace"],
            "labels": labelled["metadata"]["labels"],
            "annotations": {annotation: str(revision)},
            "ownerReferences": [owner_reference(deployment)],
        },
        "spec": {"replicas": 0, "selector": selector, "template": labelled},
        "status": {"replicas": 0},
    }
