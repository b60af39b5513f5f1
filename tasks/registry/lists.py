"""The list of what is attached to an image: kept by the registry itself, or by hand in an index under a tag."""

from collections.abc import Mapping
from typing import Any

import httpx

from blocks.registry import ContainerRegistry
from tasks.domain.errors import AccessRefused, DeliveryError, EvidenceMissing, Unreachable
from tasks.domain.image import ImageReference
from tasks.registry.api import OCI_INDEX, get
from tasks.registry.pushing import push_manifest

_REWRITES = 5
# A registry without the referrers API should answer 404; older ones know other ways to say so.
_UNSUPPORTED = {400, 405, 406, 501}


def listed(client: httpx.Client, registry: ContainerRegistry, image: ImageReference) -> list[Mapping[str, Any]]:
    """The descriptors of everything attached to the image, whoever keeps the list; raises EvidenceMissing."""
    by_registry = listed_by_registry(client, registry, image)
    return _listed_by_tag(client, registry, image) if by_registry is None else by_registry


def listed_by_registry(
    client: httpx.Client, registry: ContainerRegistry, image: ImageReference
) -> list[Mapping[str, Any]] | None:
    """What the registry lists, all of its pages; None where it keeps no lists."""
    path: str | None = f"/{image.repository}/referrers/{image.digest}"
    found: list[Mapping[str, Any]] = []
    while path:
        try:
            response = get(client, registry, path)
        except httpx.HTTPStatusError as problem:
            if problem.response.status_code not in _UNSUPPORTED:
                raise
            response = None
        if response is None:
            return None
        found += _manifests(response)
        following = response.links.get("next", {}).get("url")
        path = str(response.url.join(following)) if following else None
        if path and httpx.URL(path).host != client.base_url.host:
            raise EvidenceMissing(f"{registry.host} continues its list elsewhere; do not use this registry")
    return found


def _listed_by_tag(client: httpx.Client, registry: ContainerRegistry, image: ImageReference) -> list[Mapping[str, Any]]:
    response = get(client, registry, f"/{image.repository}/manifests/{_list_tag(image)}")
    return _manifests(response) if response is not None else []


def _manifests(response: httpx.Response) -> list[Mapping[str, Any]]:
    try:
        return [entry for entry in response.json()["manifests"] if isinstance(entry, dict)]
    except (ValueError, KeyError, TypeError) as problem:
        raise EvidenceMissing(f"{response.url.path} is not a list of referrers; look at the registry") from problem


def keep_list(
    client: httpx.Client, registry: ContainerRegistry, image: ImageReference, added: Mapping[str, Any]
) -> None:
    """Add a descriptor to the list under its tag; raises DeliveryError where that cannot be written again."""
    # Two who write at once overwrite each other: read again whether ours is in it.
    for _ in range(_REWRITES):
        entries = _listed_by_tag(client, registry, image)
        if any(entry.get("digest") == added["digest"] for entry in entries):
            return
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [*entries, added]}
        try:
            push_manifest(client, registry, image.repository, index, tag=_list_tag(image))
        except AccessRefused:
            raise
        except DeliveryError as problem:
            raise DeliveryError(
                f"{problem}; a registry without the referrers API keeps what is attached under the tag"
                f" {_list_tag(image)}: let sha256-* be written again there"
            ) from problem
    raise Unreachable(f"{registry.host} loses what is attached to {image}: others write its list at the same time")


def _list_tag(image: ImageReference) -> str:
    return (image.digest or "").replace(":", "-")
