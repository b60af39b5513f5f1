"""Pulls images from and pushes them to a registry on loopback, through the OCI distribution API."""

import ipaddress
import json
from collections.abc import Iterator
from typing import Any

import httpx

from blocks.registry_access import RegistryAccess
from deployments.sandbox.engine.dockerfile import CannotBuild
from deployments.sandbox.engine.image import CONFIG, MANIFEST, Image, Layer, pulled_layer
from deployments.sandbox.engine.stage import architecture
from deployments.sandbox.registry.manifest import digest_of
from tasks.domain.image import ImageReference

Login = tuple[str, str]

_DOCKER = "application/vnd.docker.distribution.manifest"
_IMAGES = (MANIFEST, f"{_DOCKER}.v2+json")
_INDEXES = ("application/vnd.oci.image.index.v1+json", f"{_DOCKER}.list.v2+json")


class RegistryProblem(Exception):
    """A registry did not do as asked; the message says which and what it said."""


def host_of(repository: str) -> str:
    """The registry of a repository; raises RegistryProblem where it is not on loopback."""
    host, slash, _ = repository.partition("/")
    name = httpx.URL(f"http://{host}").host if slash else ""
    if name != "localhost" and not _is_loopback(name):
        raise RegistryProblem(f"{repository} is not in a registry on loopback; this needs a real engine")
    return host


def client(host: str, login: Login | None) -> httpx.Client:
    """For one registry on loopback; proxies have no part in it."""
    return httpx.Client(base_url=f"http://{host}/v2", auth=RegistryAccess(login), timeout=60, trust_env=False)


def pull(reference: ImageReference, login: Login | None) -> tuple[Image, str]:
    """The image for this machine's architecture and the digest that the registry knows it by.

    Raises RegistryProblem, and CannotBuild for an image that it has no way to read.
    """
    path = reference.repository.partition("/")[2]
    with client(host_of(reference.repository), login) as registry:
        content, manifest = _get_manifest(registry, path, reference.digest or reference.tag or "latest")
        digest = digest_of(content)
        if reference.digest not in (None, digest):
            raise RegistryProblem(f"the registry sent {digest} for {reference}")
        if "manifests" in manifest:
            content, manifest = _get_manifest(registry, path, _for_this_machine(manifest, reference))
        config = _get_blob(registry, path, manifest["config"]["digest"])
        diff_ids = json.loads(config)["rootfs"]["diff_ids"]
        layers = [
            pulled_layer(_get_blob(registry, path, layer["digest"]), layer["mediaType"], diff_id)
            for layer, diff_id in zip(manifest["layers"], diff_ids, strict=True)
        ]
        return Image(config, tuple(layers)), digest


def push(image: Image, repository: str, tag: str, login: Login | None) -> Iterator[dict[str, Any]]:
    """Yield what Docker's client shows of a push, the manifest's digest last; raises RegistryProblem."""
    path = repository.partition("/")[2]
    with client(host_of(repository), login) as registry:
        for layer in image.layers:
            yield {"status": "Preparing", "progressDetail": {}, "id": layer.diff_id[7:19]}
        for layer in image.layers:
            status = _push_blob(registry, path, layer.content, layer.digest)
            yield {"status": status, "progressDetail": {}, "id": layer.diff_id[7:19]}
        _push_blob(registry, path, image.config, image.id)
        manifest = image.manifest()
        _ask(registry, "PUT", f"/{path}/manifests/{tag}", content=manifest, headers={"Content-Type": MANIFEST})
        digest = digest_of(manifest)
        yield {"status": f"{tag}: digest: {digest} size: {len(manifest)}"}
        yield {"progressDetail": {}, "aux": {"Tag": tag, "Digest": digest, "Size": len(manifest)}}
