"""`tidegate sandbox`: the sandbox alone, for trying things out against it."""

import contextlib
import shlex
import signal
import tempfile
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
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()
