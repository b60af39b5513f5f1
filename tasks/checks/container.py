"""A check in a container: no rights, no network unless configured, nothing to write to but its own files.

The tree lies at the same path inside, so that reports name the same files. The engine has to see the worker's folders:
one on another machine does not. https://docs.docker.com/reference/api/engine
"""

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import docker
from docker.types import LogConfig, Mount, Ulimit
from prefect_docker import DockerHost

from tasks.domain.errors import ConfigurationError, Unreachable
from tasks.domain.gates.checks import Ending, Exited, LimitHit, NotStarted, TimedOut
from tasks.domain.gates.isolation import Container, Limits
from tasks.process.lines import Lines

WORKER_LABEL = "tidegate.worker"
_MB = 1024 * 1024
_HOME = "/tmp"  # noqa: S108 - inside the container, where it is a file system of its own


def run_in_container(
    engine: DockerHost,
    container: Container,
    command: tuple[str, ...],
    *,
    folders: tuple[Path, ...],
    environment: Mapping[str, str],
    timeout_seconds: int,
    on_line: Callable[[str], None],
    limits: Limits,
) -> Ending:
    """Run `command` in the first of `folders`, which are the only ones that it may write to, as their owner.

    The container is gone afterwards, also when this run is cancelled; one that a killed worker left is removed by the
    next check. Raises ConfigurationError, and Unreachable where the engine does not answer.
    """
    with _client(engine) as client:
        _remove_orphans(client)
        _bring_image(client, container.image)
        created = _create(client, container, command, folders, environment, limits)
        try:
            return _run(created, timeout_seconds, on_line, limits)
        finally:
            with suppress(docker.errors.NotFound):
                created.remove(force=True, v=True)


@contextmanager
def _client(engine: DockerHost) -> Iterator[Any]:
    try:
        with engine.get_client() as client:
            yield client
    except (docker.errors.DockerException, OSError) as problem:
        if isinstance(problem, docker.errors.APIError) and problem.status_code and problem.status_code < 500:
            raise ConfigurationError(f"the engine does not run the check: {problem.explanation}") from problem
        where = engine.base_url or os.environ.get("DOCKER_HOST") or "its default address"
        raise Unreachable(f"the Docker engine at {where} does not run the check: {problem}") from problem


def _bring_image(client: Any, image: str) -> None:
    try:
        client.images.get(image)
    except docker.errors.ImageNotFound:
        client.images.pull(image)


def _create(
    client: Any,
    container: Container,
    command: tuple[str, ...],
    folders: tuple[Path, ...],
    environment: Mapping[str, str],
    limits: Limits,
) -> Any:
    owner = folders[0].stat()
    return client.containers.create(
        container.image,
        entrypoint=list(command),
        command=[],
        working_dir=str(folders[0]),
        environment={"HOME": _HOME, "TMPDIR": _HOME, "LANG": "C.UTF-8", "CI": "true", **environment},
        user=f"{owner.st_uid}:{owner.st_gid}",
        network_mode=container.network,
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        read_only=True,
        tmpfs={_HOME: "rw,exec,nosuid,nodev"},
        # As a mount, because a bind would make a folder where there is none.
        mounts=[Mount(str(folder), str(folder), type="bind") for folder in folders],
        mem_limit=limits.memory_mb * _MB,
        memswap_limit=limits.memory_mb * _MB,
        pids_limit=limits.processes,
        ulimits=[
            Ulimit(name="fsize", soft=limits.file_mb * _MB, hard=limits.file_mb * _MB),
            Ulimit(name="core", soft=0, hard=0),
        ],
        # What it prints comes here, and fills no disk of the engine's.
        log_config=LogConfig(type="none"),
        labels={WORKER_LABEL: _worker()},
    )


def _run(created: Any, timeout_seconds: int, on_line: Callable[[str], None], limits: Limits) -> Ending:
    output = created.attach(stream=True, stdout=True, stderr=True)
    try:
        created.start()
    except docker.errors.APIError as problem:
        if "bind source path" in str(problem.explanation):
            raise
        return NotStarted(f"{problem.explanation}; check the command and the image.")
    late = threading.Event()

    def end() -> None:
        late.set()
        _kill(created)

    timer = threading.Timer(timeout_seconds, end)
    timer.start()
    try:
        is_too_much = _follow(created, output, on_line, limits.output_mb * _MB)
        code = created.wait()["StatusCode"]
    finally:
        timer.cancel()
    if late.is_set():
        return TimedOut(timeout_seconds)
    if is_too_much:
        return LimitHit(f"more than {limits.output_mb} MB of output")
    created.reload()
    if created.attrs["State"].get("OOMKilled"):
        return LimitHit(f"more than {limits.memory_mb} MB of memory")
    # As a shell says it: 128 and the signal.
    return LimitHit(f"more than {limits.file_mb} MB for one file") if code == 128 + signal.SIGXFSZ else Exited(code)


def _follow(created: Any, output: Iterator[bytes], on_line: Callable[[str], None], most: int) -> bool:
    """Whether the check printed too much, and was killed for it."""
    lines, is_too_much = Lines(on_line), False
    for piece in output:
        most -= len(piece)
        if most >= 0:
            lines.feed(piece)
        elif not is_too_much:
            is_too_much = True
            # Beside the reading, which must go on: the engine ends nothing whose output nobody takes.
            threading.Thread(target=_kill, args=(created,), daemon=True).start()
    lines.end()
    return is_too_much


def _kill(created: Any) -> None:
    # It may have ended in this moment.
    with suppress(docker.errors.APIError):
        created.kill()


def _remove_orphans(client: Any) -> None:
    for one in client.containers.list(all=True, filters={"label": WORKER_LABEL}):
        if _is_gone(one.labels.get(WORKER_LABEL, "")):
            with suppress(docker.errors.APIError):
                one.remove(force=True, v=True)


def _worker() -> str:
    """This process, by machine, number, and when it started: numbers are used again."""
    return f"{socket.gethostname()}:{os.getpid()}:{_started(os.getpid())}"


def _is_gone(worker: str) -> bool:
    host, _, rest = worker.partition(":")
    number, _, started = rest.partition(":")
    return host == socket.gethostname() and number.isdigit() and _started(int(number)) != started


def _started(number: int) -> str:
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
