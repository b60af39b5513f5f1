"""A container as a process of this machine: what it runs, with which environment, and how it and its children end.

The unpacked image is the process's folder, not its root: nothing is chrooted, so that no right of an administrator is
needed. A program named python or python3 is therefore run by the interpreter that runs the sandbox, with its standard
library and packages; every other program is one of the image's files, and what it opens by an absolute path is this
machine's. Requests and limits, users and capabilities have no effect.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deployments.sandbox.cluster.image_store import PulledImage
from deployments.sandbox.cluster.unpack import UnsafeLayer, resolve_inside

_PATH = "/usr/local/bin:/usr/bin:/bin"
_PYTHON = re.compile(r"(/usr(/local)?/bin/)?python3?")
_REFERENCE = re.compile(r"\$\(([A-Za-z_][A-Za-z0-9_]*)\)")


class StartError(Exception):
    """The container cannot be started as declared; the message says why."""


def environment_of(image: PulledImage, variables: Mapping[str, str], port: int) -> dict[str, str]:
    """Exactly what the process gets: a PATH, the image's variables, the pod's, and the HOST and PORT to listen on.

    A pod has no network of its own here; HOST keeps a program that heeds it off the machine's other addresses.
    """
    pairs = (pair.partition("=") for pair in image.config.get("Env") or [])
    ours = {"HOST": "127.0.0.1", "PORT": str(port)}
    return {"PATH": _PATH} | {name: value for name, _, value in pairs} | dict(variables) | ours


def command_of(image: PulledImage, container: Mapping[str, Any], environment: Mapping[str, str]) -> list[str]:
    """The program and its arguments; `command` replaces the image's Entrypoint and Cmd, `args` only its Cmd."""
    entrypoint = container.get("command") or image.config.get("Entrypoint") or []
    image_arguments = [] if container.get("command") else image.config.get("Cmd") or []
    declared = [*entrypoint, *(container.get("args") or image_arguments)]
    if not declared:
        raise StartError("no command specified: neither the pod nor the image names a program")
    words = [_REFERENCE.sub(lambda found: environment.get(found[1], found[0]), str(word)) for word in declared]
    return [_program(image, words[0], environment), *words[1:]]


def start(image: PulledImage, container: Mapping[str, Any], environment: dict[str, str], log: Path) -> "Process":
    """Start the container's process in a group of its own; raises StartError."""
    command = command_of(image, container, environment)
    folder = _inside(image, container.get("workingDir") or image.config.get("WorkingDir") or "/")
    if not folder.is_dir():
        raise StartError(f"the working directory {folder.name!r} is not in the image")
    log.parent.mkdir(parents=True, exist_ok=True)
    try:
        with log.open("ab") as output:
            return Process(
                subprocess.Popen(
                    [*_ending_with_us(), *command],
                    cwd=folder,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            )
    except OSError as problem:
        raise StartError(f"exec {command[0]!r}: {problem.strerror}") from problem


class Process:
    """A running process and its group."""

    def __init__(self, leader: subprocess.Popen[bytes]) -> None:
        self._leader = leader

    def exit_code(self) -> int | None:
        """None while it runs; 128 and the signal's number where a signal ended it. What it left running goes too."""
        code = self._leader.poll()
        if code is None:
            return None
        self._signal(signal.SIGKILL)
        return code if code >= 0 else 128 - code

    def end(self, *, grace_seconds: float) -> int:
        """Ask it to end, make it end when the grace is over, and return the exit code; nothing of its group stays."""
        self._signal(signal.SIGTERM)
        deadline = time.monotonic() + grace_seconds
        while self._leader.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._leader.wait(max(deadline - time.monotonic(), 0))
        self._signal(signal.SIGKILL)
        code = self._leader.wait()
        return code if code >= 0 else 128 - code

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._leader.pid, number)


def _program(image: PulledImage, name: str, environment: Mapping[str, str]) -> str:
    if _PYTHON.fullmatch(name):
        return sys.executable
    places = [name] if "/" in name else [f"{folder}/{name}" for folder in environment["PATH"].split(":")]
    for place in places:
        path = _inside(image, place)
        if path.is_file() and os.access(path, os.X_OK):
            return str(path)
    raise StartError(f'exec: "{name}": executable file not found in the image')


def _inside(image: PulledImage, path: str) -> Path:
    try:
        return resolve_inside(image.root, path)
    except UnsafeLayer as problem:
        raise StartError(str(problem)) from problem


def _ending_with_us() -> list[str]:
    # A sandbox that is killed cannot stop its pods; Linux does it then, where setpriv (util-linux) is there.
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []
