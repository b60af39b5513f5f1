"""A container registry, read through the OCI distribution API; every answer is held against its digest.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import httpx

from blocks.registry import ContainerRegistry
from tasks.aws_problems import aws_problems
from tasks.domain.errors import AccessRefused, EvidenceMissing
from tasks.domain.image import DIGEST, ImageReference
from tasks.domain.image_labels import ImageFacts
from tasks.retry import outside_task

_INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
_MANIFESTS = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
# Registries must take manifests of at least 4 MiB; more is nothing that an image needs.
_MAX_BYTES = 4 * 1024 * 1024


@outside_task("find digest of {repository_path}:{tag}")
def find_digest(registry: ContainerRegistry, repository_path: str, tag: str) -> str | None:
    """The digest that the tag names in the registry, computed from the manifest's bytes; None where it names nothing.

    Raises AccessRefused, and EvidenceMissing where the registry's own word differs from the bytes it sent.
    """
    image = ImageReference(repository_path, tag=tag)
    with _client(registry) as client:
        response = _get(client, registry, f"/{image.repository}/manifests/{image.tag}")
    if response is None:
        return None
    digest = _digest_of(response.content)
    claimed = response.headers.get("docker-content-digest", digest)
    if claimed != digest:
        raise EvidenceMissing(f"{registry.host} calls {image} {claimed} but sent {digest}; do not use this registry")
    return digest


@outside_task("is {repository_path}@{digest} there")
def has_image(registry: ContainerRegistry, repository_path: str, digest: str) -> bool:
    """Whether the image with this digest can still be pulled; raises AccessRefused."""
    image = ImageReference(repository_path, digest=digest)
    with _client(registry) as client:
        return _get(client, registry, f"/{image.repository}/manifests/{digest}") is not None


@outside_task("read image {repository_path}@{digest}")
def read_image_facts(registry: ContainerRegistry, repository_path: str, digest: str) -> ImageFacts:
    """What the image with this digest says about itself; of an index, its first image.

    Raises EvidenceMissing where the digest is not in the registry or something does not hash to its digest, and
    AccessRefused.
    """
    image = ImageReference(repository_path, digest=digest)
    with _client(registry) as client:
        manifest = _read_json(client, registry, image.repository, "manifests", digest)
        if manifest.get("mediaType") in _INDEXES or "manifests" in manifest:
            manifest = _read_json(client, registry, image.repository, "manifests", _first_image(manifest, image))
        config = _read_json(client, registry, image.repository, "blobs", _config_digest(manifest, image))
    labels = (config.get("config") or {}).get("Labels") or {}
    platform = f"{config.get('os', '')}/{config.get('architecture', '')}"
    return ImageFacts(digest, {str(key): str(value) for key, value in labels.items()}, platform)


def _client(registry: ContainerRegistry) -> httpx.Client:
    with aws_problems(registry.host):
        return registry.get_client()


def _get(client: httpx.Client, registry: ContainerRegistry, path: str) -> httpx.Response | None:
    """The answer; None where the registry holds no such thing."""
    # Blobs may lie elsewhere (ECR keeps them in S3); httpx does not take our credentials along to another host.
    response = client.get(path, headers={"Accept": ", ".join((*_MANIFESTS, *_INDEXES))}, follow_redirects=True)
    if response.status_code == httpx.codes.NOT_FOUND:
        return None
    if response.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        raise AccessRefused(
            f"{registry.host} refuses {path} ({response.status_code}); give its credentials the right to pull"
            " (Amazon ECR: ecr:BatchGetImage and ecr:GetDownloadUrlForLayer)"
        )
    response.raise_for_status()
    if len(response.content) > _MAX_BYTES:
        raise EvidenceMissing(f"{path} at {registry.host} is larger than 4 MiB; this is no image of ours")
    return response


def _read_json(
    client: httpx.Client, registry: ContainerRegistry, path: str, kind: str, digest: str
) -> Mapping[str, Any]:
    response = _get(client, registry, f"/{path}/{kind}/{digest}")
    if response is None:
        raise EvidenceMissing(f"{path}@{digest} is not in {registry.host}; push the image first, or build it again")
    if _digest_of(response.content) != digest:
        raise EvidenceMissing(f"what {registry.host} sent for {path}@{digest} has another digest; do not use it")
    try:
        value = json.loads(response.content)
    except ValueError as problem:
        raise EvidenceMissing(f"{path}@{digest} in {registry.host} is not JSON; this is no image") from problem
    if not isinstance(value, dict):
        raise EvidenceMissing(f"{path}@{digest} in {registry.host} is not a JSON object; this is no image")
    return value


def _digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _first_image(index: Mapping[str, Any], image: ImageReference) -> str:
    # BuildKit's attestations are entries too, for a platform that does not exist.
    for entry in index.get("manifests", []):
        digest = str(entry.get("digest"))
        if (entry.get("platform") or {}).get("os") != "unknown" and DIGEST.fullmatch(digest):
            return digest
    raise EvidenceMissing(f"{image} is an index without an image; build it again")


def _config_digest(manifest: Mapping[str, Any], image: ImageReference) -> str:
    digest = str((manifest.get("config") or {}).get("digest"))
    if not DIGEST.fullmatch(digest):
        raise EvidenceMissing(f"{image} has no image configuration; this is no image")
    return digest
