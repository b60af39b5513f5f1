"""A kustomization: the entry of `images` whose name is `at`, with newName, newTag and digest.

https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/images/: the name is the one in the resources;
older versions let the digest win over newTag, newer ones write both, and one of both alone clears the other. So both
are set, or cleared where the image has none.
"""

from tasks.domain.delivery.manifest import Manifest
from tasks.domain.errors import InvalidImageReference, InvalidManifest
from tasks.domain.image import ImageReference
from tasks.domain.manifest.image_parts import read_parts
from tasks.domain.manifest.keys import not_an_image, only, set_keys, wanted_here
from tasks.domain.yaml.edit import Edit
from tasks.domain.yaml.node import Node, root_nodes
from tasks.domain.yaml.text import YamlText

_KEYS = {"repository": "newName", "tag": "newTag", "digest": "digest"}


def read(yaml: YamlText, manifest: Manifest) -> ImageReference | None:
    """The image that the entry names; None where it names none yet."""
    entry = _entry(yaml, manifest)
    parts = _parts(entry)
    try:
        return read_parts(parts | {"repository": parts.get("repository") or manifest.at})
    except InvalidImageReference as error:
        raise not_an_image(entry, error) from error


def edits(yaml: YamlText, manifest: Manifest, image: ImageReference) -> list[Edit]:
    """What has to change for the entry to name the image."""
    entry = _entry(yaml, manifest)
    parts = _parts(entry)
    wanted = wanted_here(entry, parts, manifest, image)
    if "repository" not in parts and image.repository == manifest.at:
        # The name is the repository, as long as there is no other.
        del wanted["repository"]
    values = {_KEYS[part]: value for part, value in wanted.items()}
    return set_keys(entry, values, manifest, behind=("newTag", "newName", "name"))


def _entry(yaml: YamlText, manifest: Manifest) -> Node:
    entries = [
        entry
        for root in root_nodes(yaml)
        if (images := root.get("images")) is not None
        for entry in images.items()
        if entry.is_mapping
    ]
    names = [name.value if (name := entry.get("name")) else None for entry in entries]
    found = [entry for entry, name in zip(entries, names, strict=True) if name == manifest.at]
    entry = only(found, f"an entry of 'images' named '{manifest.at}'")
    if entry is None:
        known = f"; known: {', '.join(sorted({name for name in names if name}))}" if any(names) else ""
        why = f"'images' has no entry named '{manifest.at}'{known}; add '- name: {manifest.at}' there, or correct 'at'"
        raise InvalidManifest(f"{yaml.file}:1: {why}")
    return entry


def _parts(entry: Node) -> dict[str, str | None]:
    found = ((part, entry.get(key)) for part, key in _KEYS.items())
    return {part: node.value for part, node in found if node is not None}
