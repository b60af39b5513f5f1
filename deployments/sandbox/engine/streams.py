"""Builds and pushes as a client sees them: lines of JSON while the work is done, errors as the last of them."""

import json
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any

from deployments.sandbox.engine.build import Order, build
from deployments.sandbox.engine.context import read_context
from deployments.sandbox.engine.dockerfile import CannotBuild
from deployments.sandbox.engine.image import Image
from deployments.sandbox.engine.remote import Login, RegistryProblem, push
from deployments.sandbox.engine.state import EngineState, full_name


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """What a client sent to /build."""

    context: bytes
    dockerfile: str
    target: str
    arguments: dict[str, str]
    labels: dict[str, str]
    tags: list[str]
    fresh_bases: bool
    login_for: Callable[[str], Login | None]


def build_stream(state: EngineState, request: BuildRequest) -> Iterator[bytes]:
    """Build, keep and tag the image; nothing is kept where the build fails."""
    try:
        context = read_context(request.context)
        order = Order(context, request.dockerfile, request.target, request.arguments, request.labels)
        image = yield from _shown(build(order, state.base_finder(request.login_for, fresh=request.fresh_bases)))
    except CannotBuild as error:
        yield _error(str(error))
        return
    state.add(image, *request.tags)
    yield _line({"aux": {"ID": image.id}})
    yield _line({"stream": f"Successfully built {image.id[7:19]}\n"})
    for tag in request.tags:
        yield _line({"stream": f"Successfully tagged {full_name(tag)}\n"})


def push_stream(state: EngineState, repository: str, tag: str, login: Login | None) -> Iterator[bytes]:
    """Push one tag of a repository, or all where none is named."""
    yield _line({"status": f"The push refers to repository [{repository}]"})
    wanted = {name: image for name, image in state.tagged(repository).items() if tag in ("", name)}
    if not wanted:
        yield _error(f"An image does not exist locally with the tag: {repository}{':' if tag else ''}{tag}")
        return
    try:
        for name, image in wanted.items():
            for progress in push(image, repository, name, login):
                if "aux" in progress:
                    state.add(image, f"{repository}@{progress['aux']['Digest']}")
                yield _line(progress)
    except RegistryProblem as error:
        yield _error(str(error))


def _shown(steps: Generator[str, None, Image]) -> Generator[bytes, None, Image]:
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            image: Image = end.value
            return image
        yield _line({"stream": step})


def _error(message: str) -> bytes:
    return _line({"errorDetail": {"message": message}, "error": message})


def _line(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode() + b"\r\n"
