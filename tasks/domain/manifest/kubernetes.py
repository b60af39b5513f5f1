"""Plain Kubernetes manifests: the `image` of the container whose name is `at`, in whatever resource it stands.

Containers are found in every list `containers` or `initContainers`, so that custom resources need no list of kinds.
"""

from collections.abc import Iterator

from tasks.domain.delivery.manifest import Manifest
from tasks.domain.errors import InvalidManifest
from tasks.domain.image import ImageReference
from tasks.domain.manifest.keys import read_reference, set_keys
from tasks.domain.manifest.resource import described, is_resource
from tasks.domain.yaml.edit import Edit
from tasks.domain.yaml.node import MERGE, Node, root_nodes
from tasks.domain.yaml.text import YamlText

_LISTS = ("containers", "initContainers")


def read(yaml: YamlText, manifest: Manifest) -> ImageReference | None:
    """The image of the container; None where it has none yet."""
    image = _container(yaml, manifest).get("image")
    return read_reference(image, image.value) if image is not None else None


def edits(yaml: YamlText, manifest: Manifest, image: ImageReference) -> list[Edit]:
    """What has to change for the container to run the image."""
    return set_keys(_container(yaml, manifest), {"image": str(image)}, manifest, behind=("name",))


def _container(yaml: YamlText, manifest: Manifest) -> Node:
    matching: dict[int, tuple[Node, Node]] = {}
    names: set[str] = set()
    for resource, container in _containers(yaml):
        name = container.get("name")
        names |= {name.value} if name is not None and name.value else set()
        if name is not None and name.value == manifest.at and is_resource(resource, manifest.resource):
            # One and the same may be reached a second time through an alias.
            matching.setdefault(container.event, (resource, container))
    found = list(matching.values())
    if len(found) == 1:
        return found[0][1]
    if found:
        places = ", ".join(f"{described(resource)} at line {container.line}" for resource, container in found)
        why = f"several containers are named '{manifest.at}', in {places}; say which with 'resource: KIND/NAME'"
        raise InvalidManifest(f"{yaml.file}:{found[1][1].line}: {why}")
    where = f" in {manifest.resource}" if manifest.resource else ""
    known = f"; known: {', '.join(sorted(names))}" if names else ""
    why = f"no container is named '{manifest.at}'{where}{known}; correct 'at' or 'resource'"
    raise InvalidManifest(f"{yaml.file}:1: {why}")


def _containers(yaml: YamlText) -> Iterator[tuple[Node, Node]]:
    """Every container with the resource that it belongs to."""
    left = [(root, root) for root in reversed(list(root_nodes(yaml)))]
    while left:
        resource, node = left.pop()
        keys = node.entries()
        if "kind" in keys and "metadata" in keys:
            # An item of a List is a resource of its own.
            resource = node
        for name in _LISTS if not keys.keys().isdisjoint((*_LISTS, MERGE)) else ():
            containers = node.get(name)
            yield from ((resource, item) for item in (containers.items() if containers else ()) if item.is_mapping)
        left += [(resource, inner) for inner in reversed(node.inner())]
