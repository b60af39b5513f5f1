"""Pushes an image that a Docker engine holds, with the login of the registry's block and nobody else's."""

from collections.abc import Iterable, Iterator
from typing import Any

from prefect_docker import DockerHost

from blocks.registry import ContainerRegistry
from tasks.aws_problems import aws_problems
from tasks.docker.engine import engine_api, said, tagged
from tasks.domain.errors import AccessRefused, DeliveryError, Unreachable
from tasks.domain.image import ImageReference
from tasks.retry import outside_task

_REFUSED = ("denied", "unauthorized", "no basic auth credentials", "authentication required", "not authorized")
_OVERLOADED = (
    "toomanyrequests",
    "timeout",
    "connection re",
    "i/o",
    "tls handshake",
    "eof",
    "500 ",
    "502 ",
    "503 ",
    "504 ",
)


@outside_task("push {image}")
def push_image(engine: DockerHost, registry: ContainerRegistry, image: ImageReference) -> str | None:
    """Push the image that the engine holds under this name and tag; gives the digest, where the engine tells it.

    Raises AccessRefused, Unreachable, and DeliveryError with what the registry said.
    """
    with aws_problems(registry.host):
        login = registry.login()
    # An empty login, not none: the engine insists on the header, and must not fall back to the worker's own.
    access = {"username": login[0], "password": login[1]} if login else {}
    with engine_api(engine) as api:
        tagged(image)
        lines, digests = (
            api.push(image.repository, image.tag, stream=True, decode=True, auth_config=access),
            list[str](),
        )
        for _, error in said(_keeping_digests(lines, digests)):
            if error:
                raise _push_failure(registry, image, error)
    return digests[-1] if digests else None


def _keeping_digests(lines: Iterable[Any], digests: list[str]) -> Iterator[Any]:
    for line in lines:
        if digest := (line.get("aux") or {}).get("Digest"):
            digests.append(str(digest))
        yield line


def _push_failure(registry: ContainerRegistry, image: ImageReference, error: str) -> DeliveryError:
    host, words = registry.host, error.lower()
    if any(sign in words for sign in _REFUSED):
        return AccessRefused(f"{host} refuses the push of {image}: {error}; give its credentials the right to push")
    if any(sign in words for sign in _OVERLOADED):
        return Unreachable(f"{host} did not take {image}: {error}")
    return DeliveryError(f"{host} did not take {image}: {error}; check the repository there")
