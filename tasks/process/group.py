"""Runs one program apart, so that nothing it starts outlives it, its limits, or this process."""

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, cast

from tasks.domain.gates.checks import Ending, Exited, LimitHit, NotStarted, TimedOut
from tasks.domain.gates.isolation import Limits
from tasks.process.lines import Lines

_LOOK_SECONDS = 0.2
_END_SECONDS = 15.0
_MB = 1024 * 1024
_KEEPER = Path(__file__).with_name("keeper.py")
_USUAL_LIMITS = Limits()


def run_in_group(
    command: tuple[str, ...],
    *,
    folder: Path,
    environment: Mapping[str, str],
    timeout_seconds: int,
    on_line: Callable[[str], None],
    limits: Limits = _USUAL_LIMITS,
    user: str | None = None,
) -> Ending:
    """Run `command` in `folder` with exactly `environment`, giving each printed line to `on_line`.

    A program of our own (tasks.process.keeper) stands between: it holds the limits, and kills everything where this
    process is killed. `user` is whom the program runs as; only root can become another one.
    """
    try:
        found = [find_program(command[0], environment["PATH"]), *command[1:]]
    except FileNotFoundError:
        return NotStarted("there is no such program; install it where the worker runs.")
    reader, writer = os.pipe()
    with open(reader, "rb") as status:  # noqa: PTH123 - a pipe
        settings = json.dumps({"status": writer, "user": user, **limits.model_dump()})
        try:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_KEEPER), settings, *found],
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=(writer,),
            )
        finally:
            os.close(writer)
        try:
            cut = _follow(process, timeout_seconds, on_line, limits)
        finally:
            # After the time limit, and when this run is cancelled.
            _end(process)
        return cut or _ending(status.read(), process.returncode, limits)


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


def _follow(
    process: subprocess.Popen[bytes], timeout_seconds: int, on_line: Callable[[str], None], limits: Limits
) -> TimedOut | LimitHit | None:
    """Read until the program has ended; what cut it off, where something did."""
    deadline, left = time.monotonic() + timeout_seconds, limits.output_mb * _MB
    lines = Lines(on_line)
    with cast(IO[bytes], process.stdout) as output, selectors.DefaultSelector() as selector:
        selector.register(output, selectors.EVENT_READ)
        try:
            while (now := time.monotonic()) < deadline:
                if selector.select(min(_LOOK_SECONDS, deadline - now)):
                    piece = os.read(output.fileno(), 65536)
                    if not piece:
                        return _has_ended_by(process, deadline, timeout_seconds)
                    lines.feed(piece)
                    left -= len(piece)
                    if left < 0:
                        return LimitHit(f"more than {limits.output_mb} MB of output")
                elif process.poll() is not None:
                    # Ended, though somebody whom nothing could kill still holds the pipe.
                    return None
        finally:
            lines.end()
    return TimedOut(timeout_seconds)


def _has_ended_by(process: subprocess.Popen[bytes], deadline: float, timeout_seconds: int) -> TimedOut | None:
    # A program may close its output long before it ends.
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return TimedOut(timeout_seconds)
    return None


def _end(process: subprocess.Popen[bytes]) -> None:
    """Let the keeper kill everything, and be there until it has."""
    cast(IO[bytes], process.stdin).close()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _ending(status: bytes, keeper_code: int, limits: Limits) -> Ending:
    # Where the child could not start, it says so before the keeper says how it ended.
    said = json.loads(status.splitlines()[0]) if status else {}
    if "problem" in said:
        return NotStarted(f"{said['problem']}; check the command.")
    if "excess" in said:
        return LimitHit(str(said["excess"]))
    code = int(said.get("code", keeper_code if keeper_code else -signal.SIGKILL))
    if code in {-signal.SIGXFSZ, 128 + signal.SIGXFSZ}:
        return LimitHit(f"more than {limits.file_mb} MB for one file")
    return Exited(code)
