"""How a Docker engine is spoken to: its client, its streams of lines, and what its silence and its errors are."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import docker
import requests
from prefect import get_run_logger
from prefect_docker import DockerHost

from tasks.domain.errors import ConfigurationError, DeliveryError, Unreachable
from tasks.domain.image import ImageReference
from tasks.run_log import RunLog

# How long the engine may say nothing; a step that compiles is silent for long.
SILENCE_SECONDS = 1800


@contextmanager
def engine_api(engine: DockerHost) -> Iterator[Any]:
    """The engine's low-level client; raises Unreachable where it does not answer, DeliveryError where it refuses."""
    where = engine.base_url or "the address in DOCKER_HOST"
    try:
        with engine.get_client() as client:
            client.api.timeout = SILENCE_SECONDS
            yield client.api
    except docker.errors.APIError as problem:
        raise DeliveryError(f"the Docker engine refuses: {problem.explanation or problem}") from problem
    except (docker.errors.DockerException, requests.RequestException) as problem:
        raise Unreachable(f"the Docker engine at {where} does not answer; start it or correct its block") from problem


def tagged(image: ImageReference) -> str:
    """The name under which an image is built and pushed; raises ConfigurationError for one without a tag."""
    if image.tag is None:
        raise ConfigurationError(f"{image} has no tag; an image is built and pushed under its commit's SHA")
    return f"{image.repository}:{image.tag}"


def said(lines: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """What the engine says, as (text, error), passed on to the log; progress bars are left out."""
    log = RunLog(get_run_logger())
    for line in lines:
        if error := line.get("error"):
            log.write(str(error))
            yield "", str(error).strip()
        elif text := str(
            line.get("stream") or ("" if line.get("progressDetail") else line.get("status")) or ""
        ).strip():
            log.write(text)
            yield text, ""
