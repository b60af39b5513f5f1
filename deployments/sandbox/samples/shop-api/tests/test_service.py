"""The service answers, tells its commit, and stops without dropping a request."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from shop_api.service import Server, Service, Settings, make_server, run


@pytest.fixture
def server() -> Iterator[Server]:
    server = make_server("127.0.0.1", 0, Service("abc123"))
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    serving.start()
    yield server
    server.shutdown()
    serving.join()
    server.server_close()


def get(port: int, path: str, method: str = "GET") -> tuple[int, str, bytes]:
    """Status, X-Commit and body of an answer."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=10) as answer:
            return answer.status, answer.headers["X-Commit"], answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["X-Commit"], error.read()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/healthz", 200),
        ("/readyz", 200),
        ("/products", 200),
        ("/products/tea-black", 200),
        ("/products/coffee", 404),
        ("/nothing?at=all", 404),
    ],
)
def test_every_answer_is_json_and_tells_the_commit(server: Server, path: str, status: int) -> None:
    answered, commit, body = get(server.server_port, path)
    assert (answered, commit) == (status, "abc123")
    assert json.loads(body)


def test_the_first_page_says_what_runs_here(server: Server) -> None:
    said = json.loads(get(server.server_port, "/")[2])
    assert said["service"] == "shop-api"
    assert said["commit"] == "abc123"


def test_head_has_no_body(server: Server) -> None:
    assert get(server.server_port, "/", "HEAD")[::2] == (200, b"")


def test_a_stopping_service_is_alive_but_not_ready() -> None:
    service = Service("abc123")
    service.stopping.set()
    assert [service.answer(path)[0] for path in ("/healthz", "/readyz")] == [200, 503]


def test_the_environment_decides_and_may_be_empty() -> None:
    assert Settings.of({}) == Settings("0.0.0.0", port=8080, commit="unknown", drain_seconds=0)
    given = {"HOST": "127.0.0.1", "PORT": "9000", "COMMIT": "abc123", "DRAIN_SECONDS": "0.5"}
    assert Settings.of(given) == Settings("127.0.0.1", port=9000, commit="abc123", drain_seconds=0.5)


def test_it_serves_until_it_is_told_to_stop() -> None:
    stop, port = threading.Event(), free_port()
    running = threading.Thread(target=run, args=(Settings("127.0.0.1", port, "abc123", 0), stop))
    running.start()
    wait_until_ready(port)
    stop.set()
    running.join(10)
    assert not running.is_alive()


def test_sigterm_ends_the_process_in_order() -> None:
    port = free_port()
    environment = {**os.environ, "HOST": "127.0.0.1", "PORT": str(port), "COMMIT": "abc123"}
    process = subprocess.Popen([sys.executable, "-m", "shop_api"], env=environment)
    try:
        wait_until_ready(port)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def wait_until_ready(port: int) -> None:
    for _ in range(500):
        try:
            if get(port, "/readyz")[0] == 200:
                return
        except OSError:
            time.sleep(0.02)
    raise AssertionError("the service did not become ready within ten seconds")
