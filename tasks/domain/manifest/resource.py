"""Which Kubernetes resource of a file is meant: [KIND/]NAME, against what stands in it."""

from tasks.domain.yaml.node import Node


def is_resource(node: Node, wanted: str | None) -> bool:
    """Whether the resource is the wanted one; every one is where none is asked for."""
    if wanted is None:
        return True
    kind, _, name = wanted.rpartition("/")
    return name == _name(node) and kind in ("", _text(node, "kind"))


def described(node: Node) -> str:
    """KIND/NAME of a resource, as far as it has them."""
    return "/".join(filter(None, (_text(node, "kind"), _name(node)))) or "a resource without a name"


def _name(resource: Node) -> str | None:
    metadata = resource.get("metadata")
    return _text(metadata, "name") if metadata is not None else None


def _text(node: Node, key: str) -> str | None:
    found = node.get(key)
    return found.value if found is not None and found.is_scalar else None
