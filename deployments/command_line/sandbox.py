"""`tidegate sandbox`: the sandbox alone, for trying things out against it."""

import shlex
import signal
import tempfile
import threading
from pathlib import Path

import typer


def sandbox() -> None:
    """Start GitHub, Argo CD, SonarQube, a registry and a cluster on free loopback ports, until Ctrl-C.

    Prints the variables that `tidegate register` reads, ready to be exported.
    """
    # As in `demo`: only this command needs it.
    from deployments.sandbox.opening import open_world  # noqa: PLC0415

    with (
        tempfile.TemporaryDirectory(prefix="tidegate-", ignore_cleanup_errors=True) as folder,
        open_world(Path(folder)) as world,
    ):
        for name, value in world.environment().items():
            typer.echo(f"export {name}={shlex.quote(value)}")
        typer.echo(f"# Images are built by {world.builder}. Ctrl-C ends it.")
        _wait_for_the_end()


def _wait_for_the_end() -> None:
    # Set by hand: a process that was started in the background begins with interrupts ignored.
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: ended.set())
    while not ended.wait(1):
        pass
