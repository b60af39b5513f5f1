"""How a registry is read: every answer is capped, and held against the digest that it was asked for by.

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

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEXES = (OCI_INDEX, "application/vnd.docker.distribution.manifest.list.v2+json")
_MANIFESTS = (OCI_MANIFEST, "application/vnd.docker.distribution.manifest.v2+json")
# Registries must take manifests of at least 4 MiB; more is nothing that an image needs.
MANIFEST_BYTES = 4 * 1024 * 1024


def open_client(registry: ContainerRegistry) -> httpx.Client:
    """A client below /v2; raises AccessRefused or Unreachable where AWS gives no login."""
    with aws_problems(registry.host):
        return registry.get_client()


def get(
    client: httpx.Client, registry: ContainerRegistry, path: str, *, largest: int = MANIFEST_BYTES
) -> httpx.Response | None:
    """The answer, at most `largest` bytes of it; None where the registry holds no such thing."""
    # Blobs may lie elsewhere (ECR keeps them in S3); httpx does not take our credentials along to another host.
    accept = {"Accept": ", ".join((*_MANIFESTS, *INDEXES))}
    with client.stream("GET", path, headers=accept, follow_redirects=True) as response:
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        if response.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
            raise AccessRefused(
                f"{registry.host} refuses {path} ({response.status_code}); give its credentials the right to pull"
                " (Amazon ECR: ecr:BatchGetImage and ecr:GetDownloadUrlForLayer)"
            )
        response.raise_for_status()
        content = _at_most(response, largest, f"{path} at {registry.host}")
    headers = {k: v for k, v in response.headers.items() if k not in {"content-encoding", "content-length"}}
    return httpx.Response(response.status_code, headers=headers, content=content, request=response.request)


def read_json(
    client: httpx.Client, registry: ContainerRegistry, path: str, kind: str, digest: str
) -> Mapping[str, Any]:
    """The JSON object with this digest; raises EvidenceMissing where it is not there or is something else."""
    content = read_blob(client, registry, path, kind, digest)
    try:
        value = json.loads(content)
    except ValueError as problem:
        raise EvidenceMissing(f"{path}@{digest} in {registry.host} is not JSON; this is no image") from problem
    if not isinstance(value, dict):
        raise EvidenceMissing(f"{path}@{digest} in {registry.host} is not a JSON object; this is no image")
    return value


def read_blob(
    client: httpx.Client,
    registry: ContainerRegistry,
    path: str,
    kind: str,
    digest: str,
    *,
    largest: int = MANIFEST_BYTES,
) -> bytes:
    """The bytes with this digest; raises EvidenceMissing where they are not there or are others."""
    response = get(client, registry, f"/{path}/{kind}/{digest}", largest=largest)
    if response is None:
        raise EvidenceMissing(f"{path}@{digest} is not in {registry.host}; push the image first, or build it again")
    if digest_of(response.content) != digest:
        raise EvidenceMissing(f"what {registry.host} sent for {path}@{digest} has another digest; do not use it")
    return response.content


def digest_of(content: bytes) -> str:
    """The name of these bytes in a registry."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _at_most(response: httpx.Response, largest: int, what: str) -> bytes:
    # Counted while it comes: nobody can fill the worker's memory.
    content = bytearray()
    for piece in response.iter_bytes():
        content += piece
        if len(content) > largest:
            raise EvidenceMissing(f"{what} is larger than {largest // 1024**2} MiB; this is nothing of ours")
    return bytes(content)
