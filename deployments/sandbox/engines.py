"""Which engine builds the sandbox's images: a real Docker engine where one can, else the stand-in."""

import io
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import docker
from docker.errors import DockerException

from deployments.sandbox.engine.protocol import create_app
from deployments.sandbox.engine.state import EngineState
from deployments.sandbox.server import serve

_DEFAULT = "unix:///var/run/docker.sock"
# The sample's programs run with this machine's Python, so their base needs nothing but a name for their user.
_BASE_FILES = {
    "Dockerfile": "FROM scratch\nCOPY passwd /etc/passwd\nENV PATH=/usr/local/bin:/usr/bin:/bin\n",
    "passwd": "root:x:0:0::/root:/sbin/nologin\nnobody:x:65532:65532::/:/sbin/nologin\n",
}


@dataclass(frozen=True, slots=True)
class Engine:
    """Where the engine listens, what it is in words, and the base image for it, by digest."""

    url: str
    words: str
    base_image: str


@contextmanager
def choose_engine(registry_url: str) -> Iterator[Engine]:
    """A real engine is taken only where it can pull from the sandbox's registry: on some machines it runs in a VM."""
    with serve(create_app(EngineState())) as address:
        url = address.replace("http://", "tcp://")
        base_image = _push_base(url, registry_url.removeprefix("http://"))
        real = os.environ.get("DOCKER_HOST", _DEFAULT)
        if (problem := _problem_with(real, base_image)) is None:
            yield Engine(real, f"the Docker engine at {real}", base_image)
        else:
            yield Engine(url, f"the sandbox's own engine, for {problem}", base_image)


def context_of(files: dict[str, str]) -> io.BytesIO:
    """A build context: a tar file of these texts, by path."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path, text in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    packed.seek(0)
    return packed


def build_and_push(url: str, name: str, context: io.BytesIO, arguments: dict[str, str]) -> str:
    """Build and push one image with any engine, and return its digest; raises RuntimeError with what it said."""
    with docker.DockerClient(base_url=url, version="auto") as client:
        lines = client.api.build(fileobj=context, custom_context=True, tag=name, buildargs=arguments, decode=True)
        _refuse_errors(lines)
        digests = [
            line["aux"]["Digest"]
            for line in _refuse_errors(client.api.push(name, stream=True, decode=True))
            if "Digest" in line.get("aux", {})
        ]
    return str(digests[-1])


def _push_base(url: str, registry: str) -> str:
    digest = build_and_push(url, f"{registry}/base/python:sandbox", context_of(_BASE_FILES), {})
    return f"{registry}/base/python@{digest}"


def _problem_with(url: str, base_image: str) -> str | None:
    try:
        with docker.DockerClient(base_url=url, version="auto", timeout=10) as client:
            client.api.pull(base_image)
    except DockerException as error:
        return (
            f"no Docker engine answers at {url}"
            if "pull" not in str(error)
            else f"the Docker engine cannot pull from the sandbox: {error}"
        )
    return None


def _refuse_errors(lines: Iterator[dict[str, object]]) -> list[dict[str, object]]:
    said = list(lines)
    for line in said:
        if "error" in line:
            raise RuntimeError(f"the engine could not make the image: {line['error']}")
    return said
