"""Runs one program in a process group of its own, so that nothing it starts outlives it or its time limit."""

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, cast

from tasks.domain.gates.checks import Exited, NotStarted, TimedOut

# More of one line than this is dropped; a program that prints no line ends must not fill the memory.
_LONGEST_LINE = 64 * 1024
_LOOK_SECONDS = 0.2
_DRAIN_SECONDS = 2.0


def run_in_group(
    command: tuple[str, ...],
    *,
    folder: Path,
    environment: Mapping[str, str],
    timeout_seconds: int,
    on_line: Callable[[str], None],
) -> Exited | TimedOut | NotStarted:
    """Run `command` in `folder` with exactly `environment`, giving each printed line to `on_line`."""
    try:
        process = subprocess.Popen(
            [find_program(command[0], environment["PATH"]), *command[1:]],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except FileNotFoundError:
        return NotStarted("there is no such program; install it where the worker runs.")
    except OSError as problem:
        return NotStarted(f"{problem.strerror}; check the command.")
    try:
        has_ended = _follow(process, time.monotonic() + timeout_seconds, on_line)
    finally:
        # After the time limit, and when this run is cancelled.
        if process.returncode is None:
            _kill_group(process)
    return Exited(process.returncode) if has_ended else TimedOut(timeout_seconds)


def clean_environment(home: str) -> dict[str, str]:
    """What a program needs to run, and nothing of our own settings; `home` is also where its temporary files go."""
    # The tools of this installation, such as ruff and pytest, come first.
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
    return {"PATH": path, "HOME": home, "TMPDIR": home, "LANG": "C.UTF-8", "CI": "true"}


def find_program(program: str, path: str) -> str:
    """The program's file on `path`, for Popen would look on our own PATH; raises FileNotFoundError.

    A name with a slash is a file already, from the folder that the program runs in.
    """
    if "/" in program:
        return program
    for folder in path.split(os.pathsep):
        candidate = Path(folder) / program
        if folder and candidate.is_file() and os.access(candidate, os.X_OK):
            return str(candidate)
    raise FileNotFoundError(program)


def _follow(process: subprocess.Popen[bytes], deadline: float, on_line: Callable[[str], None]) -> bool:
    """Read until the program has ended, True, or the deadline has passed, False."""
    lines = _Lines(on_line)
    with cast(IO[bytes], process.stdout) as output, selectors.DefaultSelector() as selector:
        selector.register(output, selectors.EVENT_READ)
        while (now := time.monotonic()) < deadline:
            if selector.select(min(_LOOK_SECONDS, deadline - now)):
                piece = os.read(output.fileno(), 65536)
                if not piece:
                    break
                lines.feed(piece)
            elif process.returncode is None and process.poll() is not None:
                # Ended, but something it started still holds the pipe.
                _kill_group(process)
                deadline = time.monotonic() + _DRAIN_SECONDS
        lines.end()
    return process.returncode is not None or _has_ended_by(process, deadline)


def _has_ended_by(process: subprocess.Popen[bytes], deadline: float) -> bool:
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return False
    # What it left running goes with it.
    _kill_group(process)
    return True


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    # Called at once after the program is seen to have ended, never later: then its number may be someone else's.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class _Lines:
    """Cuts a stream of bytes into lines."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._open = b""

    def feed(self, piece: bytes) -> None:
        *whole, rest = piece.split(b"\n")
        for part in whole:
            self._on_line((self._open + part)[:_LONGEST_LINE].decode("utf-8", errors="replace"))
            self._open = b""
        self._open = (self._open + rest)[:_LONGEST_LINE]

    def end(self) -> None:
        if self._open:
            self.feed(b"\n")
