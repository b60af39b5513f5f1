"""The Prefect server that is configured, and what its refusals mean in a sentence."""

import httpx
from prefect.settings import PREFECT_API_URL

from tasks.domain.errors import ConfigurationError, DeliveryError, Unreachable


def require_server() -> str:
    """The server's address; raises ConfigurationError where none is set.

    Without it Prefect starts a server of its own for this process, whose runs no worker ever sees.
    """
    if address := PREFECT_API_URL.value():
        return str(address)
    raise ConfigurationError("PREFECT_API_URL is not set; set it to the Prefect server's address that ends in /api")


def explain(error: httpx.HTTPError) -> DeliveryError:
    """The same failure as a sentence about the Prefect server."""
    status = error.response.status_code if isinstance(error, httpx.HTTPStatusError) else None
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        return ConfigurationError(f"the Prefect server refuses us ({status}); set PREFECT_API_AUTH_STRING")
    answer = f"answered {status}" if status else f"does not answer ({type(error).__name__})"
    return Unreachable(f"the Prefect server {answer}; see whether PREFECT_API_URL is right and it runs")
