"""`tidegate webhook`: serves the receiver of GitHub's webhooks until it is stopped."""

import logging
import os
import socket
from typing import Annotated

import typer
import uvicorn

from deployments.webhook import create_app
from tasks.domain.errors import ConfigurationError


def webhook(
    port: Annotated[int, typer.Option(help="The port to listen on.", min=1, max=65535)] = 8090,
    host: Annotated[str, typer.Option(help="The address to listen on; put a TLS proxy before it.")] = "127.0.0.1",
) -> None:
    """Receive GitHub's webhooks at POST /webhook and start integrations; needs TIDEGATE_WEBHOOK_SECRET.

    With TIDEGATE_SONARQUBE_WEBHOOK_SECRET also SonarQube's, at POST /webhook/sonarqube.
    """
    app = create_app()
    listener = _listen(host, port)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    # A request's own line says nothing that ours does not.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    config = uvicorn.Config(app, access_log=False, log_config=None, limit_concurrency=100, timeout_graceful_shutdown=10)
    with listener:
        typer.echo(f"Listening on http://{host}:{port}/webhook")
        uvicorn.Server(config).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    try:
        listener = socket.create_server((host, port))
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise ConfigurationError(f"cannot listen on {host}:{port} ({reason}); choose another with --port") from None
    # An answer goes out in two parts; the second would wait 40 ms for the client's acknowledgement of the first.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
