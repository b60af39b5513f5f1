"""Which engine builds the sandbox's images: a real Docker engine where one can, else the stand-in."""

import io
import os
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import docker
from docker.errors import APIError, DockerException
from requests import RequestException

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
    with closing(docker.APIClient(base_url=url, version="auto")) as client:
        lines = client.build(fileobj=context, custom_context=True, tag=name, buildargs=arguments, decode=True)
        _refuse_errors(lines)
        said = _refuse_errors(client.push(name, stream=True, decode=True))
    return next(str(line["aux"]["Digest"]) for line in said if "Digest" in line.get("aux", {}))


def _push_base(url: str, registry: str) -> str:
    digest = build_and_push(url, f"{registry}/base/python:sandbox", context_of(_BASE_FILES), {})
    return f"{registry}/base/python@{digest}"


def _problem_with(url: str, base_image: str) -> str | None:
    try:
        with closing(docker.APIClient(base_url=url, version="auto", timeout=10)) as client:
            client.pull(base_image)
    except APIError as error:
        return f"the Docker engine at {url} cannot pull from the sandbox ({error.explanation})"
    except (DockerException, RequestException):
        return f"no Docker engine answers at {url}"
    return None


def _refuse_errors(lines: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    said = list(lines)
    for line in said:
        if "error" in line:
            raise RuntimeError(f"the engine could not make the image: {line['error']}")
    return said
