"""Puts blobs and manifests into a registry; what is there already is not sent again."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx

from blocks.registry import ContainerRegistry
from tasks.domain.errors import AccessRefused, DeliveryError
from tasks.registry.api import digest_of

_REFUSALS = {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}


def push_blob(client: httpx.Client, registry: ContainerRegistry, path: str, content: bytes) -> dict[str, Any]:
    """Push the bytes as a blob, if they are not there; gives digest and size as descriptors have them."""
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    if not client.head(f"/{path}/blobs/{digest}", follow_redirects=True).is_success:
        begun = _checked(registry, path, client.post(f"/{path}/blobs/uploads/", content=b""))
        # The specification lets Location be relative, and carry a query of its own.
        where = begun.url.join(begun.headers["Location"])
        whole = where.copy_merge_params({"digest": digest})
        headers = {"Content-Type": "application/octet-stream"}
        _checked(registry, path, client.put(whole, content=content, headers=headers))
    return {"digest": digest, "size": len(content)}


def push_manifest(
    client: httpx.Client,
    registry: ContainerRegistry,
    path: str,
    manifest: Mapping[str, Any],
    *,
    tag: str | None = None,
) -> httpx.Response:
    """Push the manifest under a tag, or without one under its digest; raises DeliveryError where the tag is taken."""
    content = json.dumps(manifest).encode()
    reference = tag or digest_of(content)
    headers = {"Content-Type": str(manifest["mediaType"])}
    return _checked(
        registry, path, client.put(f"/{path}/manifests/{quote(reference)}", content=content, headers=headers)
    )


def _checked(registry: ContainerRegistry, path: str, response: httpx.Response) -> httpx.Response:
    if response.status_code in _REFUSALS:
        raise AccessRefused(
            f"{registry.host} refuses a push to {path} ({response.status_code}); give its credentials the right to"
            " push (Amazon ECR: ecr:InitiateLayerUpload, ecr:UploadLayerPart, ecr:CompleteLayerUpload, ecr:PutImage)"
        )
    if response.status_code == httpx.codes.TOO_MANY_REQUESTS or response.is_server_error:
        response.raise_for_status()
    if not response.is_success:
        said = response.text[:300].replace("\n", " ")
        raise DeliveryError(f"{registry.host} did not take a push to {path} ({response.status_code}): {said}")
    return response
