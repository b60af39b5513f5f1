"""What an image is, apart from when it was built: the files of its layers, and how it is run.

A builder that writes the clock into an image never makes the same digest twice. Two builds whose contents are equal are
the same image all the same, and the one that is there already stays.
https://github.com/opencontainers/image-spec/blob/main/config.md
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tasks.domain.image import ImageReference

# What decides how a container runs; Docker adds to it what only its builder needs.
_RUN_BY = ("User", "Env", "Entrypoint", "Cmd", "WorkingDir", "ExposedPorts", "Volumes", "Labels", "StopSignal")


@dataclass(frozen=True, slots=True)
class ImageContent:
    """The platform, the digests of the unpacked layers, and what a container is run by."""

    platform: str
    layers: tuple[str, ...]
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Built:
    """An image that a builder has made and not pushed yet, with the bases that the builder itself names by digest."""

    content: ImageContent | None
    bases: tuple[ImageReference, ...] = field(default=())


def content_of(document: Mapping[str, Any]) -> ImageContent:
    """Read an image's config as registries keep it, or what a Docker engine says when an image is inspected."""
    config = _either(document, "config", "Config") or {}
    rootfs = _either(document, "rootfs", "RootFS") or {}
    platform = f"{_either(document, 'os', 'Os')}/{_either(document, 'architecture', 'Architecture')}"
    layers = tuple(map(str, _either(rootfs, "diff_ids", "Layers") or ()))
    # Nothing, an empty list and an empty text are the same, and written differently by each builder.
    return ImageContent(platform, layers, {name: config[name] for name in _RUN_BY if config.get(name)})


def _either(document: Mapping[str, Any], oci: str, docker: str) -> Any:
    return document.get(oci, document.get(docker))
