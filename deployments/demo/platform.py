"""A real Prefect server, a worker and the webhook receiver as processes of their own, registered for a sandbox."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tasks.domain.errors import ConfigurationError

ROOT = Path(__file__).resolve().parents[2]
# How long after its end a task run is written down.
RECORDED_AFTER_SECONDS = 1
_START_SECONDS = 120
_STOP_SECONDS = 15


@dataclass(frozen=True, slots=True)
class Server:
    """A Prefect server that has been started, but may not answer yet."""

    ui_url: str
    environment: dict[str, str]
    logs: Path


@dataclass(frozen=True, slots=True)
class Platform:
    """Where the parts listen."""

    ui_url: str
    webhook_url: str
    logs: Path


@contextmanager
def start_platform(folder: Path, sandbox: Mapping[str, str], webhook_secret: str) -> Iterator[Platform]:
    """Everything runs when the block begins and is stopped, by process id, when it ends.

    `sandbox` are the environment variables that `tidegate register` reads. Raises ConfigurationError with the end of
    the log where a part does not start.
    """
    with start_server(folder) as server, complete(server, sandbox, webhook_secret) as platform:
        yield platform


@contextmanager
def start_server(folder: Path) -> Iterator[Server]:
    """Start the server and do not wait for it: it takes a while, and other things can be started meanwhile."""
    logs = folder / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    (port,) = free_ports(1)
    ui_url = f"http://127.0.0.1:{port}"
    environment = _environment(folder, ui_url)
    command = ["-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with _process("server", command, environment, logs):
        yield Server(ui_url, environment, logs)


@contextmanager
def complete(server: Server, sandbox: Mapping[str, str], webhook_secret: str) -> Iterator[Platform]:
    """Register, deploy, and start a worker and the receiver; raises as start_platform does."""
    logs, environment = server.logs, {**server.environment, **sandbox, "TIDEGATE_WEBHOOK_SECRET": webhook_secret}
    (port,) = free_ports(1)
    webhook_url = f"http://127.0.0.1:{port}"
    worker = ["-m", "prefect", "worker", "start", "--pool", "tidegate", "--type", "process", "--name", "demo"]
    webhook = ["-m", "deployments.command_line", "webhook", "--port", str(port)]
    wait_until_answering(f"{server.ui_url}/api/health", logs / "server.log")
    run("register", ["-m", "deployments.command_line", "register"], environment, logs)
    with _process("worker", worker, environment, logs), _process("webhook", webhook, environment, logs):
        run("deploy", ["-m", "prefect", "--no-prompt", "deploy", "--all"], environment, logs)
        wait_until_answering(f"{webhook_url}/healthz", logs / "webhook.log")
        yield Platform(server.ui_url, webhook_url, logs)


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on at this moment."""
    with ExitStack() as sockets:
        found = [sockets.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in found]


def run(name: str, arguments: list[str], environment: dict[str, str], logs: Path) -> None:
    """Run a Python command to its end; raises ConfigurationError with the end of its log where it fails."""
    log = logs / f"{name}.log"
    with log.open("ab") as output:
        done = subprocess.run(
            [sys.executable, *arguments], cwd=ROOT, env=environment, stdout=output, stderr=output, check=False
        )
    if done.returncode:
        raise ConfigurationError(f"{name} failed: {_end_of(log)}")


def wait_until_answering(url: str, log: Path) -> None:
    """Raises ConfigurationError with the end of the log where nothing answers within two minutes."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        try:
            if httpx.get(url, timeout=2).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise ConfigurationError(f"{log.stem} did not answer within {_START_SECONDS} s: {_end_of(log)}")


def _environment(folder: Path, ui_url: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "TIDEGATE_"))}
    return inherited | {
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath))),
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_API_URL": f"{ui_url}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_WORKER_QUERY_SECONDS": "0.5",
        # SQLite has one writer at a time. With a transaction for each task run the API answers 503 now and then, and a
        # client comes back only after two seconds.
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "50",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": str(RECORDED_AFTER_SECONDS),
        "TIDEGATE_CACHE": str(folder / "cache"),
        "PYTHONUNBUFFERED": "1",
        "DO_NOT_TRACK": "1",
    }


@contextmanager
def _process(name: str, arguments: list[str], environment: dict[str, str], logs: Path) -> Iterator[None]:
    with (logs / f"{name}.log").open("ab") as output:
        # A group of its own: Ctrl-C in the terminal is for the demo, which then stops its parts in order.
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _end_of(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return " / ".join(lines[-3:]) or f"it printed nothing; see {log}"
