"""An application in an environment, reached as flows reach it: through the blocks on the Prefect server."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx

from deployments.prefect_server import explain, require_server
from flows.places.place import Place, load_place
from tasks.domain.errors import Unreachable


def open_place(application: str, environment: str) -> Place:
    """Raises ConfigurationError for an unknown name or a missing block, Unreachable where Prefect does not answer."""
    require_server()
    try:
        return load_place(application, environment)
    except httpx.HTTPError as error:
        raise explain(error) from error


@contextmanager
def looking() -> Iterator[None]:
    """Tasks of flows are used only to look: without their own log, and with a sentence where nobody answers."""
    server, log = urlsplit(require_server()).netloc, logging.getLogger("prefect")
    # What they log says nothing that a command is asked for.
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    except httpx.HTTPError as error:
        host = error.request.url.netloc.decode()
        if host == server:
            raise explain(error) from error
        status = error.response.status_code if isinstance(error, httpx.HTTPStatusError) else None
        answer = f"answered {status}" if status else f"does not answer ({type(error).__name__})"
        raise Unreachable(f"{host} {answer}; try again") from error
    finally:
        log.setLevel(level)
