"""An application in an environment, reached as flows reach it: through the blocks on the Prefect server."""

import httpx

from deployments.prefect_server import explain, require_server
from flows.place import Place, load_place


def open_place(application: str, environment: str) -> Place:
    """Raises ConfigurationError for an unknown name or a missing block, Unreachable where Prefect does not answer."""
    require_server()
    try:
        return load_place(application, environment)
    except httpx.HTTPError as error:
        raise explain(error) from error
