"""A container registry, read through the OCI distribution API; every answer is held against its digest.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""

from collections.abc import Mapping
from typing import Any

from blocks.registry import ContainerRegistry
from tasks.domain.errors import EvidenceMissing
from tasks.domain.image import DIGEST, ImageReference
from tasks.domain.image_content import ImageContent, content_of
from tasks.domain.image_labels import ImageFacts
from tasks.registry.api import INDEXES, digest_of, get, open_client, read_json
from tasks.retry import outside_task


@outside_task("find digest of {repository_path}:{tag}")
def find_digest(registry: ContainerRegistry, repository_path: str, tag: str) -> str | None:
    """The digest that the tag names in the registry, computed from the manifest's bytes; None where it names nothing.

    Raises AccessRefused, and EvidenceMissing where the registry's own word differs from the bytes it sent.
    """
    image = ImageReference(repository_path, tag=tag)
    with open_client(registry) as client:
        response = get(client, registry, f"/{image.repository}/manifests/{image.tag}")
    if response is None:
        return None
    digest = digest_of(response.content)
    claimed = response.headers.get("docker-content-digest", digest)
    if claimed != digest:
        raise EvidenceMissing(f"{registry.host} calls {image} {claimed} but sent {digest}; do not use this registry")
    return digest


@outside_task("is {repository_path}@{digest} there")
def has_image(registry: ContainerRegistry, repository_path: str, digest: str) -> bool:
    """Whether the image with this digest can still be pulled; raises AccessRefused."""
    image = ImageReference(repository_path, digest=digest)
    with open_client(registry) as client:
        return get(client, registry, f"/{image.repository}/manifests/{digest}") is not None


@outside_task("find tags {start}* of {repository_path}")
def find_tags(registry: ContainerRegistry, repository_path: str, start: str) -> tuple[str, ...]:
    """The tags that begin like this, the last in the alphabet first; raises AccessRefused and EvidenceMissing."""
    path: str | None = f"/{ImageReference(repository_path).repository}/tags/list?n=1000"
    tags: list[str] = []
    with open_client(registry) as client:
        while path and (response := get(client, registry, path)) is not None:
            try:
                tags += [tag for tag in response.json().get("tags") or () if tag.startswith(start)]
            except (ValueError, AttributeError) as problem:
                raise EvidenceMissing(f"{registry.host} sent no list of tags for {repository_path}") from problem
            following = response.links.get("next", {}).get("url")
            path = str(response.url.join(following).copy_with(host=response.url.host)) if following else None
    return tuple(sorted(tags, reverse=True))


@outside_task("read content {repository_path}@{digest}")
def read_content(registry: ContainerRegistry, repository_path: str, digest: str) -> ImageContent | None:
    """What is in the image with this digest; None of an index, which has several. Raises as read_image_facts does."""
    image = ImageReference(repository_path, digest=digest)
    with open_client(registry) as client:
        manifest = read_json(client, registry, image.repository, "manifests", digest)
        if "manifests" in manifest:
            return None
        return content_of(read_json(client, registry, image.repository, "blobs", _config_digest(manifest, image)))


@outside_task("read image {repository_path}@{digest}")
def read_image_facts(registry: ContainerRegistry, repository_path: str, digest: str) -> ImageFacts:
    """What the image with this digest says about itself; of an index, its first image.

    Raises EvidenceMissing where the digest is not in the registry or something does not hash to its digest, and
    AccessRefused.
    """
    image = ImageReference(repository_path, digest=digest)
    with open_client(registry) as client:
        manifest = read_json(client, registry, image.repository, "manifests", digest)
        if manifest.get("mediaType") in INDEXES or "manifests" in manifest:
            manifest = read_json(client, registry, image.repository, "manifests", _first_image(manifest, image))
        config = read_json(client, registry, image.repository, "blobs", _config_digest(manifest, image))
    labels = (config.get("config") or {}).get("Labels") or {}
    platform = f"{config.get('os', '')}/{config.get('architecture', '')}"
    return ImageFacts(digest, {str(key): str(value) for key, value in labels.items()}, platform)


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
