"""Serves an ASGI application on a free loopback port, in a thread, until the block ends."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn


@contextmanager
def serve(application: Any, port: int = 0) -> Iterator[str]:
    """Yield the base URL; port 0 takes any free one. Raises OSError where the port is in use."""
    listener = socket.create_server(("127.0.0.1", port))
    # asyncio sets this only on sockets made with an explicit protocol; without it, an answer that is sent in two parts
    # waits 40 ms for the client's delayed acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # uvicorn's own logging configuration would switch on every logger of this process that was switched off.
    config = uvicorn.Config(
        application, log_config=None, log_level="warning", access_log=False, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        while not server.started:
            if not thread.is_alive():
                raise OSError(f"the server on port {port} did not start")
            time.sleep(0.005)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(5)
        listener.close()
