"""Pulls images from and pushes them to a registry on loopback, through the OCI distribution API."""

import ipaddress
import json
from collections.abc import Iterator
from typing import Any

import httpx

from blocks.registry_access import RegistryAccess
from deployments.sandbox.engine.image import MANIFEST, Image, Layer, pulled_layer
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

    Raises RegistryProblem, and CannotBuild for an image in a format that it cannot read.
    """
    path = reference.repository.partition("/")[2]
    with client(host_of(reference.repository), login) as registry:
        content, manifest = _get_manifest(registry, path, reference.digest or reference.tag or "latest")
        digest = digest_of(content)
        if reference.digest not in (None, digest):
            raise RegistryProblem(f"the registry sent {digest} for {reference}")
        try:
            if "manifests" in manifest:
                _, manifest = _get_manifest(registry, path, _for_this_machine(manifest, reference))
            return _get_image(registry, path, manifest), digest
        except (KeyError, TypeError, ValueError) as error:
            raise RegistryProblem(f"{reference} is not an image that can be read: {error!r}") from None


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


def _get_manifest(registry: httpx.Client, path: str, reference: str) -> tuple[bytes, dict[str, Any]]:
    accepted = {"Accept": ", ".join(_IMAGES + _INDEXES)}
    content = _ask(registry, "GET", f"/{path}/manifests/{reference}", headers=accepted).content
    document: dict[str, Any] = json.loads(content)
    return content, document


def _get_image(registry: httpx.Client, path: str, manifest: dict[str, Any]) -> Image:
    config = _get_blob(registry, path, manifest["config"]["digest"])
    layers: list[Layer] = []
    for layer, diff_id in zip(manifest["layers"], json.loads(config)["rootfs"]["diff_ids"], strict=True):
        layers.append(pulled_layer(_get_blob(registry, path, layer["digest"]), layer["mediaType"], diff_id))
    return Image(config, tuple(layers))


def _for_this_machine(index: dict[str, Any], reference: ImageReference) -> str:
    for entry in index["manifests"]:
        where = entry.get("platform", {})
        if (where.get("os"), where.get("architecture")) == ("linux", architecture()):
            digest: str = entry["digest"]
            return digest
    raise RegistryProblem(f"{reference} has no image for linux/{architecture()}")


def _get_blob(registry: httpx.Client, path: str, digest: str) -> bytes:
    content = _ask(registry, "GET", f"/{path}/blobs/{digest}").content
    if digest_of(content) != digest:
        raise RegistryProblem(f"the registry sent {digest_of(content)} for the blob {digest}")
    return content


def _push_blob(registry: httpx.Client, path: str, content: bytes, digest: str) -> str:
    if _ask(registry, "HEAD", f"/{path}/blobs/{digest}", accept=(404,)).is_success:
        return "Layer already exists"
    begun = _ask(registry, "POST", f"/{path}/blobs/uploads/")
    upload = begun.url.join(begun.headers["Location"]).copy_merge_params({"digest": digest})
    if upload.netloc != begun.url.netloc:
        raise RegistryProblem(f"the registry wants the upload at {upload.host}; this needs a real engine")
    _ask(registry, "PUT", upload, content=content, headers={"Content-Type": "application/octet-stream"})
    return "Pushed"


def _ask(
    registry: httpx.Client, method: str, url: str | httpx.URL, *, accept: tuple[int, ...] = (), **content: Any
) -> httpx.Response:
    try:
        response = registry.request(method, url, **content)
    except httpx.TransportError as error:
        raise RegistryProblem(f"the registry {registry.base_url.netloc.decode()} cannot be reached: {error}") from None
    if response.is_success or response.status_code in accept:
        return response
    if response.status_code == httpx.codes.UNAUTHORIZED:
        sent = "Authorization" in response.request.headers
        raise RegistryProblem("unauthorized: authentication required" if sent else "no basic auth credentials")
    raise RegistryProblem(f"{method} {response.url.path}: {response.status_code} {_reason(response)}")


def _reason(response: httpx.Response) -> str:
    try:
        error = response.json()["errors"][0]
        return f"{error['code'].lower().replace('_', ' ')}: {error['message']}"
    except (ValueError, LookupError, TypeError, AttributeError):
        return response.reason_phrase


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
