"""Fetches manifests and blobs from a registry and believes no byte before its digest is checked.

The outside rules are https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md and the image
specification; Docker's schema 2 media types are taken as well.
"""

import hashlib
import ipaddress
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from tasks.domain.image import DIGEST

_INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
_MANIFESTS = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
_LARGEST_MANIFEST = 4 * 1024 * 1024
_PLATFORM = {"os": "linux", "architecture": "amd64"}


class PullError(Exception):
    """The image cannot be had; the message is what the pod's status says."""


def registry_client(repository: str, login: tuple[str, str] | None) -> httpx.Client:
    """A client of one repository; loopback hosts are spoken to over plain HTTP. Raises PullError."""
    host, path = split_host(repository)
    scheme = "http" if _is_loopback(host) else "https"
    # Registries may send blobs' readers on to a store of their own; httpx leaves the login out for other hosts.
    return httpx.Client(base_url=f"{scheme}://{host}/v2/{path}", auth=login, timeout=30, follow_redirects=True)


def split_host(repository: str) -> tuple[str, str]:
    """The registry's host and the path there; raises PullError where no host is named."""
    host, _, path = repository.partition("/")
    if not path or not (host == "localhost" or "." in host or ":" in host):
        raise PullError(f"{repository!r} names no registry host")
    return host, path


def fetch_image_manifest(client: httpx.Client, reference: str) -> tuple[str, dict[str, Any]]:
    """The digest and the manifest of a tag or a digest; of an index, those of linux/amd64. Raises PullError."""
    content = _manifest(client, reference)
    manifest = parse_json(content)
    if manifest.get("mediaType") in _INDEXES or "manifests" in manifest:
        content = _manifest(client, _choose(manifest))
        manifest = parse_json(content)
    return _digest_of(content), manifest


def fetch_blob(client: httpx.Client, descriptor: Any, folder: Path) -> Path:
    """The blob's file in `folder`, fetched where it is not there; its size and digest are those of the descriptor."""
    digest = _checked_digest(descriptor)
    target = folder / digest.removeprefix("sha256:")
    if target.is_file():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    # Two images may fetch a layer that they share at the same time.
    partial = folder / f"{target.name}.{threading.get_ident()}.partial"
    try:
        _download(client, digest, descriptor.get("size"), partial)
        partial.rename(target)
    finally:
        partial.unlink(missing_ok=True)
    return target


def parse_json(content: bytes) -> dict[str, Any]:
    """A manifest or a configuration; raises PullError where it is none."""
    try:
        parsed = json.loads(content)
    except ValueError as problem:
        raise PullError(f"a manifest or configuration is not JSON: {problem}") from problem
    if not isinstance(parsed, dict):
        raise PullError("a manifest or configuration is not a JSON object")
    return parsed


def _manifest(client: httpx.Client, reference: str) -> bytes:
    response = client.get(f"/manifests/{reference}", headers={"Accept": ", ".join((*_MANIFESTS, *_INDEXES))})
    _check(response, reference)
    if len(response.content) > _LARGEST_MANIFEST:
        raise PullError(f"the manifest {reference} is larger than {_LARGEST_MANIFEST} bytes")
    if DIGEST.fullmatch(reference) and _digest_of(response.content) != reference:
        raise PullError(f"the registry answered {reference} with content of another digest")
    return response.content


def _choose(index: Mapping[str, Any]) -> str:
    for descriptor in index.get("manifests", []):
        platform = descriptor.get("platform") or {}
        if {key: platform.get(key) for key in _PLATFORM} == _PLATFORM:
            return _checked_digest(descriptor)
    raise PullError("no manifest for linux/amd64 in the image index")


def _download(client: httpx.Client, digest: str, size: Any, target: Path) -> None:
    found, length = hashlib.sha256(), 0
    with client.stream("GET", f"/blobs/{digest}") as response, target.open("wb") as file:
        _check(response, digest)
        for piece in response.iter_bytes():
            length += len(piece)
            if not isinstance(size, int) or length > size:
                raise PullError(f"the blob {digest} is larger than the {size} bytes it should have")
            found.update(piece)
            file.write(piece)
    if length != size or f"sha256:{found.hexdigest()}" != digest:
        raise PullError(f"the registry answered {digest} with content of another digest or size")


def _check(response: httpx.Response, reference: str) -> None:
    if response.status_code == httpx.codes.NOT_FOUND:
        raise PullError(f"{reference}: not found")
    if response.status_code in (401, 403):
        raise PullError(f"{reference}: pull access denied, the repository does not exist or needs a login")
    if response.status_code != httpx.codes.OK:
        raise PullError(f"{reference}: unexpected status {response.status_code}")


def _checked_digest(descriptor: Any) -> str:
    digest = descriptor.get("digest") if isinstance(descriptor, dict) else None
    # It becomes a file's name and part of an address.
    if not isinstance(digest, str) or not DIGEST.fullmatch(digest):
        raise PullError(f"the manifest names no sha256 digest where it should: {digest!r}")
    return digest


def _digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _is_loopback(host: str) -> bool:
    name = host.rpartition(":")[0] or host
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False
