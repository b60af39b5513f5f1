"""Runs one command, and ends with it and all that it started; tasks.process.group starts this as a program of its own.

Only the standard library is here, because it runs without any other. It lives between the worker and the command: where
the worker is gone, its end of the pipe at standard input closes, and everything is killed. As a subreaper it inherits
what leaves the command's process group (https://man7.org/linux/man-pages/man2/PR_SET_CHILD_SUBREAPER.2const.html).
"""

import contextlib
import ctypes
import json
import os
import pwd
import resource
import select
import signal
import sys
import time
from typing import Any, NoReturn

_SET_PDEATHSIG, _SET_DUMPABLE, _SET_SUBREAPER, _SET_NO_NEW_PRIVILEGES = 1, 4, 36, 38
_LOOK_SECONDS = 0.1
_KILL_SECONDS = 10.0
_MB = 1024 * 1024
_PAGE = resource.getpagesize()


def main() -> None:
    """Arguments: the settings as JSON, then the command; how it ended is written to the settings' `status` file."""
    settings, command = json.loads(sys.argv[1]), sys.argv[2:]
    # How the command ends is not for the command to write.
    os.set_inheritable(settings["status"], False)  # noqa: FBT003
    _prctl(_SET_DUMPABLE, 0)
    _prctl(_SET_SUBREAPER, 1)
    # Wakes select when a child has ended.
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    child = os.fork()
    if child == 0:
        _become(settings, command)
    # The command's output ends when nobody can write to it any more; we must not be one who can.
    _point_at_nothing(1, 2)
    ending = _keep(child, reader, settings)
    _kill_all()
    with contextlib.suppress(OSError):
        os.write(settings["status"], f"{json.dumps(ending)}\n".encode())


def _become(settings: dict[str, Any], command: list[str]) -> NoReturn:
    """In the child: give up what the command must not have, and turn into it."""
    try:
        signal.set_wakeup_fd(-1)
        for ignored_by_python in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(ignored_by_python, signal.SIG_DFL)
        os.setsid()
        _point_at_nothing(0)
        _limit(settings)
        if settings.get("user"):
            _switch_user(settings["user"])
        # After the switch, which would take it back.
        _prctl(_SET_PDEATHSIG, signal.SIGKILL)
        _prctl(_SET_NO_NEW_PRIVILEGES, 1)
        os.execv(command[0], command)  # noqa: S606
    except OSError as problem:
        os.write(settings["status"], _said(problem.strerror or str(problem)))
    except KeyError:
        os.write(settings["status"], _said(f"there is no user {settings['user']}"))
    os._exit(127)


def _said(problem: str) -> bytes:
    return f"{json.dumps({'problem': problem})}\n".encode()


def _limit(settings: dict[str, Any]) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _lower(resource.RLIMIT_FSIZE, settings["file_mb"] * _MB)
    # What _keep measures now and then is the limit; this one stops a single process that is quicker than that.
    _lower(resource.RLIMIT_DATA, 2 * settings["memory_mb"] * _MB)
    if settings.get("user"):
        # It counts all processes of a user, and so may be set only for one who runs nothing but checks.
        _lower(resource.RLIMIT_NPROC, settings["processes"])


def _lower(what: int, limit: int) -> None:
    hard = resource.getrlimit(what)[1]
    limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    resource.setrlimit(what, (limit, limit))


def _switch_user(name: str) -> None:
    entry = pwd.getpwnam(name)
    if os.geteuid() == entry.pw_uid:
        return
    os.initgroups(name, entry.pw_gid)
    os.setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid)
    os.setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid)


def _keep(child: int, reader: int, settings: dict[str, Any]) -> dict[str, Any]:
    """Wait until the child has ended, it takes too much, or nobody waits for it any more."""
    next_look = 0.0
    while True:
        if (code := _reaped(child)) is not None:
            return {"code": code}
        if time.monotonic() >= next_look:
            if excess := _excess(settings):
                return {"excess": excess}
            next_look = time.monotonic() + _LOOK_SECONDS
        ready, _, _ = select.select([0, reader], [], [], _LOOK_SECONDS)
        if 0 in ready and not os.read(0, 64):
            return {"cancelled": True}
        if reader in ready:
            os.read(reader, 4096)


def _reaped(child: int) -> int | None:
    """The child's exit code once it has ended; others that ended are only taken away."""
    ended = None
    with contextlib.suppress(ChildProcessError):
        while True:
            number, status = os.waitpid(-1, os.WNOHANG)
            if number == 0:
                break
            if number == child:
                ended = os.waitstatus_to_exitcode(status)
    return ended


def _excess(settings: dict[str, Any]) -> str | None:
    processes = _descendants()
    if len(processes) > settings["processes"]:
        return f"more than {settings['processes']} processes"
    if sum(_memory(number) for number in processes) > settings["memory_mb"] * _MB:
        return f"more than {settings['memory_mb']} MB of memory"
    return None


def _descendants() -> list[int]:
    """All processes that stem from us."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc") if os.path.isdir("/proc") else []:  # noqa: PTH112, PTH208 - nothing but os is fast enough
        if name.isdigit():
            with contextlib.suppress(OSError, IndexError), open(f"/proc/{name}/stat", "rb") as stat:  # noqa: PTH123
                children.setdefault(int(stat.read().rpartition(b")")[2].split()[1]), []).append(int(name))
    found = [os.getpid()]
    for number in found:
        found += children.get(number, [])
    return found[1:]


def _memory(number: int) -> int:
    """What the process shares with no file, in bytes."""
    try:
        with open(f"/proc/{number}/statm", "rb") as statm:  # noqa: PTH123
            _, resident, shared, *_ = statm.read().split()
    except (OSError, ValueError):
        return 0
    return (int(resident) - int(shared)) * _PAGE


def _kill_all() -> None:
    """Until nothing is left: what was killed may have started others before."""
    deadline = time.monotonic() + _KILL_SECONDS
    while (left := _descendants()) and time.monotonic() < deadline:
        for number in left:
            with contextlib.suppress(OSError):
                os.kill(number, signal.SIGKILL)
        _reaped(0)
        time.sleep(0.005)


def _point_at_nothing(*descriptors: int) -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in descriptors:
        os.dup2(nothing, descriptor)
    os.close(nothing)


def _prctl(option: int, value: int) -> None:
    # There is none but on Linux, and then the process group has to do.
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    main()
