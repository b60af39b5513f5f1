"""A manifest as a value: its bytes, kept as they came, and what the registry has to know of them."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from deployments.sandbox.registry.refusal import Code, Refusal
from tasks.domain.image import DIGEST

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
_INDEXES = (OCI_INDEX, "application/vnd.docker.distribution.manifest.list.v2+json")
_MANIFESTS = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
# Layers that may not be distributed stay where their urls point: the registry never holds them.
_ELSEWHERE = (
    "application/vnd.docker.image.rootfs.foreign.diff.tar",
    "application/vnd.oci.image.layer.nondistributable",
)


def digest_of(content: bytes) -> str:
    """The name of these bytes in a registry."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Manifest:
    """An image, an index of images or an artifact about one."""

    content: bytes
    media_type: str
    digest: str
    blobs: tuple[str, ...]
    manifests: tuple[str, ...]
    subject: str | None
    artifact_type: str | None
    annotations: dict[str, str]

    def descriptor(self) -> dict[str, Any]:
        """How the referrers of a manifest are listed."""
        descriptor: dict[str, Any] = {"mediaType": self.media_type, "digest": self.digest, "size": len(self.content)}
        if self.artifact_type:
            descriptor["artifactType"] = self.artifact_type
        if self.annotations:
            descriptor["annotations"] = self.annotations
        return descriptor


def read_manifest(content: bytes, media_type: str) -> Manifest:
    """Raises Refusal MANIFEST_INVALID where the bytes are not what their content type says."""
    if media_type not in _INDEXES + _MANIFESTS:
        raise Refusal(Code.MANIFEST_INVALID, f"the content type {media_type!r} is not one of a manifest or an index")
    try:
        document = json.loads(content)
        declared = document.get("mediaType", media_type)
        manifest = Manifest(content, media_type, digest_of(content), **_parts(document, media_type))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Refusal(Code.MANIFEST_INVALID, f"the manifest is not valid: {type(error).__name__} {error}") from None
    if declared != media_type:
        raise Refusal(Code.MANIFEST_INVALID, f"the manifest says it is {declared!r}, the request {media_type!r}")
    return manifest


def _parts(document: dict[str, Any], media_type: str) -> dict[str, Any]:
    if document["schemaVersion"] != 2:
        raise ValueError("schemaVersion is not 2")
    subject = document.get("subject")
    config = document["config"] if media_type in _MANIFESTS else {}
    layers = document["layers"] if media_type in _MANIFESTS else []
    here = [layer for layer in layers if not layer["mediaType"].startswith(_ELSEWHERE)]
    return {
        "blobs": tuple(_digest(part) for part in [config, *here] if part),
        "manifests": tuple(_digest(part) for part in document.get("manifests", ())),
        "subject": _digest(subject) if subject else None,
        # Without an artifact type of its own, an artifact is what its config says.
        "artifact_type": document.get("artifactType") or config.get("mediaType"),
        "annotations": dict(document.get("annotations") or {}),
    }


def _digest(descriptor: dict[str, Any]) -> str:
    digest: str = descriptor["digest"]
    if not DIGEST.fullmatch(digest):
        raise ValueError(f"digest {digest!r} is not sha256: and 64 hexadecimal digits")
    return digest
