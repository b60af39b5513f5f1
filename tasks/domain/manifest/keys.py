"""Reads and sets the keys of one mapping that a manifest's format asks for; what every format stands on."""

from collections.abc import Mapping, Sequence

from tasks.domain.delivery.manifest import Manifest
from tasks.domain.errors import InvalidImageReference, InvalidManifest
from tasks.domain.image import ImageReference, parse_image
from tasks.domain.manifest.image_parts import wanted_parts
from tasks.domain.yaml.addition import Value
from tasks.domain.yaml.edit import Edit, NewKeys, Replacement
from tasks.domain.yaml.node import Node
from tasks.domain.yaml.scalar import locate, refuse_shared


def only(found: Sequence[Node], name: str) -> Node | None:
    """The one that was found, or None; raises InvalidManifest where there are several."""
    if len(found) > 1:
        lines = " and ".join(str(node.line) for node in found)
        why = f"{name} is there more than once, at lines {lines}; leave it in one place only"
        raise InvalidManifest(f"{found[1].yaml.file}:{found[1].line}: {why}")
    return found[0] if found else None


def not_an_image(node: Node, error: InvalidImageReference) -> InvalidManifest:
    """The error that names the place of what should be an image."""
    return InvalidManifest(f"{node.yaml.file}:{node.line}: '{node.path}' does not name an image: {error}")


def read_reference(node: Node, text: str | None) -> ImageReference | None:
    """The image of a whole REPOSITORY[:TAG][@DIGEST] in this node; None where it has neither tag nor digest."""
    if text is None:
        return None
    try:
        image = parse_image(text)
    except InvalidImageReference as error:
        raise not_an_image(node, error) from error
    return image if image.tag or image.digest else None


def wanted_here(
    place: Node, parts: Mapping[str, str | None], manifest: Manifest, image: ImageReference
) -> dict[str, str]:
    """What each of the image's parts must be in this place; raises InvalidManifest where that cannot be."""
    if manifest.digest_in_tag and "digest" in parts:
        why = f"'{place.path}' has a 'digest', which would stay behind; remove it, or leave digest-in-tag out"
        raise place.yaml.refusal(place.event if place.key is None else place.key, why)
    try:
        return wanted_parts(parts, image, digest_in_tag=manifest.digest_in_tag)
    except InvalidImageReference as error:
        raise InvalidManifest(f"{place.yaml.file}:{place.line}: {error}") from error


def set_value(node: Node, value: str) -> list[Edit]:
    """The edit that makes the value this text, or empty; none where it is so already."""
    if node.value is None and not value:
        return []
    scalar = locate(node)
    return [Replacement(scalar, value)] if not value or scalar.differs(value) else []


def set_keys(
    mapping: Node, wanted: Mapping[str, Value], manifest: Manifest, *, behind: Sequence[str], so_that: str = ""
) -> list[Edit]:
    """The edits that give each of these keys this value; an empty one clears what is there.

    A key that is missing is added behind the first of `behind` that is there; raises InvalidManifest where it must not.
    """
    edits: list[Edit] = []
    missing: dict[str, Value] = {}
    for key, value in wanted.items():
        node = mapping.get(key)
        if node is None:
            missing |= {key: value} if value else {}
        elif node.is_merged and manifest.may_add_keys and not manifest.edit_anchors:
            missing |= {key: value} if (node.value or "") != value else {}
        else:
            edits += set_value(node, str(value))
    if missing and not manifest.may_add_keys:
        key = next(iter(missing))
        why = f"'{mapping.path}' has no key '{key}'; add '{key}: \"\"' there{so_that}, or set may-add-keys"
        raise InvalidManifest(f"{mapping.yaml.file}:{mapping.line}: {why}")
    if missing:
        refuse_shared(mapping)
        edits.append(NewKeys(mapping, missing, behind))
    return edits
