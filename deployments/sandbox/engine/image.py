"""An image as the engine holds it: a config and layers, in the formats of the OCI image specification 1.1."""

import gzip
import json
import zlib
from dataclasses import dataclass
from typing import Any

from deployments.sandbox.engine.dockerfile import CannotBuild
from deployments.sandbox.registry.manifest import digest_of

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
GZIP_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
PLAIN_LAYER = "application/vnd.oci.image.layer.v1.tar"
# Docker's names for what OCI calls otherwise; the bytes are the same.
_OCI_NAMES = {
    "application/vnd.docker.image.rootfs.diff.tar.gzip": GZIP_LAYER,
    "application/vnd.docker.image.rootfs.diff.tar": PLAIN_LAYER,
}


@dataclass(frozen=True, slots=True)
class Layer:
    """One step of an image's files: a tar, as it is stored in a registry, and the digest of the unpacked tar."""

    content: bytes
    media_type: str
    digest: str
    diff_id: str

    def tar(self) -> bytes:
        """The tar itself."""
        return gzip.decompress(self.content) if self.media_type == GZIP_LAYER else self.content


@dataclass(frozen=True, slots=True)
class Image:
    """A config, byte for byte, and the layers that it counts on."""

    config: bytes
    layers: tuple[Layer, ...]

    @property
    def id(self) -> str:
        """The engine's name for the image: the digest of its config."""
        return digest_of(self.config)

    def settings(self) -> dict[str, Any]:
        """The config as a new document that may be changed."""
        document: dict[str, Any] = json.loads(self.config)
        return document

    def manifest(self) -> bytes:
        """What is pushed under a tag; the same image always has the same."""
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": self.id, "size": len(self.config)},
            "layers": [
                {"mediaType": layer.media_type, "digest": layer.digest, "size": len(layer.content)}
                for layer in self.layers
            ],
        }
        return json.dumps(document, separators=(",", ":")).encode()


def new_layer(tar: bytes) -> Layer:
    """A layer of these files, packed the same way each time."""
    content = gzip.compress(tar, mtime=0)
    return Layer(content, GZIP_LAYER, digest_of(content), digest_of(tar))


def pulled_layer(content: bytes, media_type: str, diff_id: str) -> Layer:
    """A layer from a registry; raises CannotBuild where it is packed otherwise or not what the config says."""
    layer = Layer(content, _OCI_NAMES.get(media_type, media_type), digest_of(content), diff_id)
    if layer.media_type not in (GZIP_LAYER, PLAIN_LAYER):
        raise CannotBuild(f"a layer of type {media_type} needs a real engine")
    try:
        actual = digest_of(layer.tar())
    except (OSError, EOFError, zlib.error) as error:
        raise CannotBuild(f"the layer {layer.digest} cannot be unpacked: {error}") from None
    if actual != diff_id:
        raise CannotBuild(f"the layer {layer.digest} unpacks to {actual}, the image's config says {diff_id}")
    return layer
