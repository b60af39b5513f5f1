"""What is attached to an image: Sigstore bundles that refer to its digest, pushed and listed again.

A registry of OCI 1.1 lists referrers itself; for one that does not (it answers 404), the list is an index under the tag
sha256-DIGEST that whoever pushes keeps, without a lock: what two attach at the same moment may get lost, and is looked
for again before it is needed. No other tag is written, so that repositories with immutable tags, as in Amazon ECR, take
any number of them.
https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#listing-referrers
"""

import json
from collections.abc import Mapping
from typing import Any

import httpx

from blocks.registry import ContainerRegistry
from tasks.domain.errors import EvidenceMissing, InvalidProof
from tasks.domain.image import ImageReference
from tasks.domain.proof.bundle import (
    BUNDLE_TYPE,
    PREDICATE_ANNOTATION,
    Attached,
    bundle_annotations,
    bundle_content,
    parse_bundle,
)
from tasks.domain.proof.envelope import Envelope
from tasks.domain.proof.keys import PublicKey
from tasks.registry.api import OCI_MANIFEST, digest_of, get, open_client, read_blob
from tasks.registry.lists import keep_list, listed, listed_by_registry
from tasks.registry.pushing import push_blob, push_manifest
from tasks.retry import outside_task

_EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
# An SBOM of a large image has some 20 MiB, and a third more in base64.
_BUNDLE_BYTES = 64 * 1024 * 1024
# What anybody who may push can attach; more than this of what is asked for is no honest image.
_MOST = 200


@outside_task("attach {predicate_type} to {digest:.19}")
def attach(
    registry: ContainerRegistry,
    repository_path: str,
    digest: str,
    envelope: Envelope,
    key: PublicKey,
    *,
    predicate_type: str,
) -> str:
    """Attach a signed statement to the image; gives the digest of the manifest that refers to it.

    The same envelope twice is one. Raises EvidenceMissing where the image is not there, AccessRefused, and
    DeliveryError where a registry without the referrers API does not let its list's tag be written again.
    """
    image = ImageReference(repository_path, digest=digest)
    with open_client(registry) as client:
        subject = _subject(client, registry, image)
        layer = push_blob(client, registry, image.repository, bundle_content(envelope, key))
        config = push_blob(client, registry, image.repository, b"{}")
        manifest = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": BUNDLE_TYPE,
            "config": {"mediaType": _EMPTY_TYPE, **config},
            "layers": [{"mediaType": BUNDLE_TYPE, **layer}],
            "subject": subject,
            "annotations": bundle_annotations(predicate_type),
        }
        response = push_manifest(client, registry, image.repository, manifest)
        if "OCI-Subject" not in response.headers and listed_by_registry(client, registry, image) is None:
            keep_list(client, registry, image, _descriptor(manifest))
    return digest_of(json.dumps(manifest).encode())


@outside_task("read what is attached to {digest:.19}")
def read_attached(
    registry: ContainerRegistry, repository_path: str, digest: str, *predicate_types: str
) -> tuple[Attached, ...]:
    """The attached envelopes that are listed under one of these types, or all; nobody has checked who signed them.

    What is no bundle is left out: others attach things too. Raises AccessRefused, and EvidenceMissing where the
    registry sends something else than it listed.
    """
    image = ImageReference(repository_path, digest=digest)
    with open_client(registry) as client:
        found: list[Attached] = []
        for descriptor in listed(client, registry, image):
            if len(found) > _MOST:
                raise EvidenceMissing(f"more than {_MOST} things are attached to {image}; find out who attached them")
            kind = (descriptor.get("annotations") or {}).get(PREDICATE_ANNOTATION)
            if descriptor.get("artifactType") == BUNDLE_TYPE and (not predicate_types or kind in predicate_types):
                envelope = _read_envelope(client, registry, image, str(descriptor.get("digest")))
                found += [Attached(str(descriptor["digest"]), envelope)] if envelope else []
    return tuple(found)


def _subject(client: httpx.Client, registry: ContainerRegistry, image: ImageReference) -> dict[str, Any]:
    response = get(client, registry, f"/{image.repository}/manifests/{image.digest}")
    if response is None or digest_of(response.content) != image.digest:
        raise EvidenceMissing(f"{image} is not in {registry.host}; push the image before anything is attached to it")
    media_type = str(response.json().get("mediaType") or response.headers.get("content-type", OCI_MANIFEST))
    return {"mediaType": media_type, "digest": image.digest, "size": len(response.content)}


def _read_envelope(
    client: httpx.Client, registry: ContainerRegistry, image: ImageReference, digest: str
) -> Envelope | None:
    manifest = json.loads(read_blob(client, registry, image.repository, "manifests", digest))
    layers = [layer for layer in manifest.get("layers", ()) if layer.get("mediaType") == BUNDLE_TYPE]
    if len(layers) != 1:
        return None
    content = read_blob(client, registry, image.repository, "blobs", str(layers[0]["digest"]), largest=_BUNDLE_BYTES)
    try:
        return parse_bundle(content)
    except InvalidProof:
        return None


def _descriptor(manifest: Mapping[str, Any]) -> dict[str, Any]:
    content = json.dumps(manifest).encode()
    described = {"mediaType": manifest["mediaType"], "digest": digest_of(content), "size": len(content)}
    return described | {"artifactType": manifest["artifactType"], "annotations": manifest["annotations"]}
