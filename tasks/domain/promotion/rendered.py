"""What a change of an image makes of the rendered manifests, resource by resource."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any

from ruamel.yaml import YAML

from tasks.domain.errors import InvalidImageReference
from tasks.domain.image import ImageReference, parse_image

Manifest = Mapping[str, Any]
_LONGEST_LINE = 400


@dataclass(frozen=True, slots=True)
class Rendering:
    """The difference of the manifests, and in a few words how they were rendered, or why they were not."""

    difference: str
    source: str


def with_image(manifest: Any, old: ImageReference, new: ImageReference) -> Any:
    """The same with the new image wherever a value is the old one: in the same form, with a tag, a digest or both."""
    match manifest:
        case Mapping():
            return {key: with_image(value, old, new) for key, value in manifest.items()}
        case list():
            return [with_image(value, old, new) for value in manifest]
        case str():
            return _exchanged(manifest, old, new)
    return manifest


def diff_of_manifests(before: Sequence[Manifest], after: Sequence[Manifest]) -> str:
    """A unified difference of each resource that changes, comes or goes; empty where none does."""
    old, new = _by_name(before), _by_name(after)
    return "".join(_diff(name, old.get(name, ""), new.get(name, "")) for name in sorted(old.keys() | new.keys()))


def read_documents(text: str) -> tuple[Manifest, ...]:
    """The resources in what helm or kustomize prints; raises ruamel.yaml's YAMLError where that is not YAML."""
    documents = YAML(typ="safe", pure=True).load_all(text)
    return tuple(document for document in documents if isinstance(document, dict))


def _exchanged(text: str, old: ImageReference, new: ImageReference) -> str:
    try:
        found = parse_image(text)
    except InvalidImageReference:
        return text
    if found.repository != old.repository or not (found.tag or found.digest):
        return text
    if found.digest != old.digest if found.digest else found.tag != old.tag:
        return text
    return str(ImageReference(new.repository, new.tag if found.tag else None, new.digest if found.digest else None))


def _by_name(manifests: Sequence[Manifest]) -> dict[str, str]:
    named: dict[str, str] = {}
    for manifest in manifests:
        metadata = manifest.get("metadata") or {}
        name = f"{manifest.get('kind')}/{metadata.get('name')}"
        # Of the same name in two namespaces, or two versions: told one after the other.
        named[name] = named.get(name, "") + _text(manifest)
    return named


def _text(manifest: Manifest) -> str:
    printer, text = YAML(typ="safe", pure=True), io.StringIO()
    printer.default_flow_style, printer.width = False, _LONGEST_LINE
    printer.dump(dict(manifest), text)
    return text.getvalue()


def _diff(name: str, before: str, after: str) -> str:
    lines = unified_diff(before.splitlines(), after.splitlines(), name, name, lineterm="", n=2)
    return "".join(f"{line}\n" for line in lines)
