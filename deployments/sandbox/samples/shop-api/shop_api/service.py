"""The HTTP service: what it answers, and how it starts and stops."""

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from shop_api.catalogue import PRODUCTS, find_product

NOT_FOUND = (404, {"error": "there is nothing here; see /products"})


@dataclass(frozen=True)
class Settings:
    """What the environment decides: HOST, PORT, COMMIT, and DRAIN_SECONDS between turning unready and stopping."""

    host: str
    port: int
    commit: str
    drain_seconds: float

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Settings":
        """Read the settings; all of them may be left out."""
        return cls(
            host=environment.get("HOST", "0.0.0.0"),
            port=int(environment.get("PORT", "8080")),
            commit=environment.get("COMMIT", "unknown"),
            drain_seconds=float(environment.get("DRAIN_SECONDS", "0")),
        )


@dataclass
class Service:
    """What a request may be answered with; it is ready until it is told to stop."""

    commit: str
    stopping: threading.Event = field(default_factory=threading.Event)

    def answer(self, path: str) -> tuple[int, Any]:
        """The status and the JSON for a path."""
        match path.partition("?")[0].strip("/").split("/"):
            case [""]:
                return 200, {"service": "shop-api", "commit": self.commit, "products": len(PRODUCTS)}
            case ["healthz"]:
                return 200, {"status": "alive"}
            case ["readyz"]:
                return (503, {"status": "stopping"}) if self.stopping.is_set() else (200, {"status": "ready"})
            case ["products"]:
                return 200, [product.as_json() for product in PRODUCTS]
            case ["products", sku] if product := find_product(sku):
                return 200, product.as_json()
        return NOT_FOUND


def run(settings: Settings, stop: threading.Event) -> None:
    """Serve until `stop` is set; then turn unready, and finish what is being answered."""
    service = Service(settings.commit)
    server = make_server(settings.host, settings.port, service)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    serving.start()
    stop.wait()
    service.stopping.set()
    # Whoever sends requests here must have time to see that it is not ready any more.
    time.sleep(settings.drain_seconds)
    server.shutdown()
    serving.join()
    server.server_close()


class Server(ThreadingHTTPServer):
    """Waits, when it is closed, for the requests that are being answered."""

    daemon_threads = False
    block_on_close = True


def make_server(host: str, port: int, service: Service) -> Server:
    """A server on one address, or on all (0.0.0.0); port 0 takes any free one."""

    class Handler(BaseHTTPRequestHandler):
        """Passes requests on to the service, and says in each answer which commit gave it."""

        server_version = "shop-api"
        # A connection on which nothing comes must not keep the service from stopping.
        timeout = 5

        def do_GET(self) -> None:
            status, body = service.answer(self.path)
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.send_header("X-Commit", service.commit)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        do_HEAD = do_GET

        def end_headers(self) -> None:
            self.send_header("Cache-Control", "no-store")
            super().end_headers()

        def log_message(self, *_: object) -> None:
            """Probes come every second; the log is for what matters."""

    return Server((host, port), Handler)
