"""An Argo CD Application that names the image itself: in Helm parameters, in valuesObject or in kustomize's images.

https://argo-cd.readthedocs.io/en/stable/user-guide/helm/ and .../kustomize/. `at` is the path as in Helm values, or the
name of the kustomize image; it has to be in exactly one of these places.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tasks.domain.delivery.manifest import Manifest
from tasks.domain.errors import InvalidImageReference, InvalidManifest
from tasks.domain.image import ImageReference, parse_image
from tasks.domain.manifest.helm_parameters import HelmParameters, edit_parameters, find_parameters, read_parameters
from tasks.domain.manifest.helm_values import edit_values, find_values, read_values
from tasks.domain.manifest.keys import read_reference, set_value
from tasks.domain.manifest.resource import described, is_resource
from tasks.domain.yaml.edit import Edit
from tasks.domain.yaml.node import Node, root_nodes
from tasks.domain.yaml.text import YamlText


@dataclass(frozen=True, slots=True)
class _Place:
    """Parameters, or a node of valuesObject, or an item of kustomize's images, and what it is called in messages."""

    application: Node
    kind: str
    found: HelmParameters | Node

    @property
    def line(self) -> int:
        return self.found.line if isinstance(self.found, Node) else next(iter(self.found.values())).line


def read(yaml: YamlText, manifest: Manifest) -> ImageReference | None:
    """The image that the Application names; None where it names none yet."""
    place = _place(yaml, manifest)
    if not isinstance(place.found, Node):
        return read_parameters(place.found)
    if place.kind == _VALUES:
        return read_values(place.found)
    text = place.found.value or ""
    return read_reference(place.found, text.rpartition("=")[2] or None)


def edits(yaml: YamlText, manifest: Manifest, image: ImageReference) -> list[Edit]:
    """What has to change for the Application to name the image."""
    place = _place(yaml, manifest)
    if not isinstance(place.found, Node):
        return edit_parameters(place.found, manifest, image)
    if place.kind == _VALUES:
        return edit_values(place.found, manifest, image)
    return set_value(place.found, _kustomize_text(place.found.value or "", manifest.at, image))


_PARAMETERS, _VALUES, _IMAGES = "Helm parameters", "valuesObject", "kustomize images"


def _place(yaml: YamlText, manifest: Manifest) -> _Place:
    found = [place for application in _applications(yaml, manifest) for place in _places(application, manifest.at)]
    if len(found) == 1:
        return found[0]
    if not found:
        where = f" of {manifest.resource}" if manifest.resource else ""
        why = f"no source{where} has '{manifest.at}' in Helm parameters, valuesObject or kustomize images"
        do = "add it there (the text of helm.values is not looked into), or correct 'at' or 'resource' of this manifest"
        raise InvalidManifest(f"{yaml.file}:1: {why}; {do}")
    places = " and ".join(f"the {place.kind} of {described(place.application)} (line {place.line})" for place in found)
    why = f"'{manifest.at}' is in {places}; leave it in one of them, or say with 'resource: NAME' which Application"
    raise InvalidManifest(f"{yaml.file}:{found[1].line}: {why}")


def _applications(yaml: YamlText, manifest: Manifest) -> Iterator[Node]:
    for root in root_nodes(yaml):
        kind = root.get("kind")
        if kind is not None and kind.value == "Application" and is_resource(root, manifest.resource):
            yield root


def _places(application: Node, at: str) -> Iterator[_Place]:
    for source in _sources(application):
        if (helm := source.get("helm")) is not None:
            if parameters := find_parameters(helm, at):
                yield _Place(application, _PARAMETERS, parameters)
            values = helm.get("valuesObject")
            for found in find_values([values], at) if values is not None else ():
                yield _Place(application, _VALUES, found)
        images = kustomize.get("images") if (kustomize := source.get("kustomize")) is not None else None
        for item in images.items() if images is not None else ():
            if _kustomize_name(item) == at:
                yield _Place(application, _IMAGES, item)


def _sources(application: Node) -> Iterator[Node]:
    spec = application.get("spec")
    if spec is None:
        return
    several = spec.get("sources")
    # Where both are given, Argo CD uses the list.
    if several is not None and (listed := list(several.items())):
        yield from listed
    elif (single := spec.get("source")) is not None:
        yield single


def _kustomize_name(item: Node) -> str | None:
    """The name in front of `=`, or without one that of the image itself."""
    name, is_renamed, _ = (item.value or "").partition("=")
    try:
        return name if is_renamed else parse_image(name).repository
    except InvalidImageReference:
        return None


def _kustomize_text(current: str, name: str, image: ImageReference) -> str:
    # Argo CD hands it to `kustomize edit set image`, which in several versions takes a tag and a digest together for
    # something else (https://github.com/kubernetes-sigs/kustomize/issues/4713); the digest alone says all.
    reference = f"{image.repository}@{image.digest}" if image.digest else str(image)
    return f"{name}={reference}" if "=" in current or image.repository != name else reference
