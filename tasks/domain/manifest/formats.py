"""Which image a manifest in the GitOps repository names, and the same text with another image in its place.

Only the characters of the changed scalars change: a dump of the document would rewrite lines that nobody touched. Each
format is a module of this package with `read` and `edits`; tasks.domain.yaml.edit makes the edits.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tasks.domain.delivery.manifest import Manifest
from tasks.domain.errors import InvalidImageReference
from tasks.domain.image import ImageReference
from tasks.domain.manifest import application, helm_values, kubernetes, kustomize
from tasks.domain.yaml.edit import Edit, apply_edits
from tasks.domain.yaml.text import YamlText, parse_yaml


def read_image(text: str, manifest: Manifest, *, file: str) -> ImageReference | None:
    """The image that the manifest names; None where neither tag nor digest has a value yet.

    Raises InvalidManifest with file, line and reason where the text is not what the format asks for.
    """
    return _FORMATS[manifest.format].read(parse_yaml(text, file=file), manifest)


def set_image(text: str, manifest: Manifest, image: ImageReference, *, file: str, tag_is_enough: bool = False) -> str:
    """The text with the image in the manifest's place, and nothing else changed.

    A tag that the image does not have is emptied, for a wrong one misleads. Raises InvalidManifest as `read_image`,
    and where an edit would reach further than the place; InvalidImageReference for an image without a digest, or with
    `tag_is_enough` for one without both.
    """
    if image.digest is None and not tag_is_enough:
        raise InvalidImageReference(f"{image} has no digest; desired state names images by digest only")
    if image.digest is None and image.tag is None:
        raise InvalidImageReference(f"{image} has neither tag nor digest; give at least one of them")
    yaml = parse_yaml(text, file=file, edit_anchors=manifest.edit_anchors)
    return apply_edits(yaml, _FORMATS[manifest.format].edits(yaml, manifest, image))


@dataclass(frozen=True, slots=True)
class _Format:
    read: Callable[[YamlText, Manifest], ImageReference | None]
    edits: Callable[[YamlText, Manifest, ImageReference], Sequence[Edit]]


_FORMATS: Mapping[str, _Format] = {
    "helm-values": _Format(helm_values.read, helm_values.edits),
    "kustomize": _Format(kustomize.read, kustomize.edits),
    "manifest": _Format(kubernetes.read, kubernetes.edits),
    "application": _Format(application.read, application.edits),
}
