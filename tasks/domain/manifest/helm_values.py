"""Helm values: the image as a mapping of repository, tag and digest at any path, or as one value there."""

import re
from collections.abc import Iterator, Sequence

from tasks.domain.delivery.manifest import Manifest
from tasks.domain.errors import InvalidImageReference, InvalidManifest
from tasks.domain.image import ImageReference
from tasks.domain.manifest.image_parts import PARTS, read_parts
from tasks.domain.manifest.keys import not_an_image, only, read_reference, set_keys, set_value, wanted_here
from tasks.domain.yaml.edit import Edit
from tasks.domain.yaml.node import Node, root_nodes
from tasks.domain.yaml.text import YamlText

_STEP = re.compile(r"((?:[^.\\\[\]]|\\.)+)|\[(\d+)\]")


def read(yaml: YamlText, manifest: Manifest) -> ImageReference | None:
    """The image that the values name; None where they name none yet."""
    return read_values(_place(yaml, manifest))


def edits(yaml: YamlText, manifest: Manifest, image: ImageReference) -> list[Edit]:
    """What has to change for the values to name the image."""
    return edit_values(_place(yaml, manifest), manifest, image)


def find_values(roots: Sequence[Node], at: str) -> list[Node]:
    """What stands at the path `at` below each root, as in Helm's --set: keys joined by dots, [0] for a list's item."""
    return [found for root in roots if (found := _descend(root, at)) is not None]


def read_values(place: Node) -> ImageReference | None:
    """The image of a mapping or of one value."""
    if not place.is_mapping:
        return read_reference(place, place.value)
    try:
        return read_parts(_parts(place))
    except InvalidImageReference as error:
        raise not_an_image(place, error) from error


def edit_values(place: Node, manifest: Manifest, image: ImageReference) -> list[Edit]:
    """What has to change in a mapping or in one value."""
    if not place.is_mapping:
        return set_value(place, str(image))
    wanted = wanted_here(place, _parts(place), manifest, image)
    return set_keys(place, wanted, manifest, behind=("tag", "repository"), so_that=" and let the chart use it")


def _place(yaml: YamlText, manifest: Manifest) -> Node:
    place = only(find_values(list(root_nodes(yaml)), manifest.at), f"'{manifest.at}'")
    if place is None:
        raise InvalidManifest(f"{yaml.file}:1: there is no '{manifest.at}'; add it, or correct 'at' of this manifest")
    return place


def _parts(mapping: Node) -> dict[str, str | None]:
    found = ((part, mapping.get(part)) for part in PARTS)
    return {part: node.value for part, node in found if node is not None}


def _descend(root: Node, at: str) -> Node | None:
    place: Node | None = root
    for step in _steps(at):
        if place is None or place.is_empty:
            return None
        is_right = place.is_mapping if isinstance(step, str) else place.is_list
        if not is_right and place is root:
            return None
        if not is_right:
            kind = "a mapping" if isinstance(step, str) else "a list"
            raise place.yaml.refusal(place.event, f"'{place.path}' is not {kind}; correct it, or 'at' of this manifest")
        place = place.get(step) if isinstance(step, str) else _item(place, step)
    return place


def _item(place: Node, index: int) -> Node | None:
    return next((item for i, item in enumerate(place.items()) if i == index), None)


def _steps(at: str) -> Iterator[str | int]:
    for name, index in _STEP.findall(at):
        yield re.sub(r"\\(.)", r"\1", name) if name else int(index)
