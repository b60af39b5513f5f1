"""Which image a manifest in the GitOps repository names, and the same text with another image in its place.

Only the characters of the changed scalars change: a dump of the document would rewrite lines that nobody touched. Each
format is a module `tasks.domain.manifest_*` with `read` and `edits`; tasks.domain.yaml_edit makes the edits.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tasks.domain import manifest_application, manifest_helm_values, manifest_kubernetes, manifest_kustomize
from tasks.domain.delivery import Manifest
from tasks.domain.errors import InvalidImageReference
from tasks.domain.image import ImageReference
from tasks.domain.yaml_edit import Edit, apply_edits
from tasks.domain.yaml_text import YamlText, parse_yaml


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
    "helm-values": _Format(manifest_helm_values.read, manifest_helm_values.edits),
    "kustomize": _Format(manifest_kustomize.read, manifest_kustomize.edits),
    "manifest": _Format(manifest_kubernetes.read, manifest_kubernetes.edits),
    "application": _Format(manifest_application.read, manifest_application.edits),
}
