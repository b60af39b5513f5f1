"""Runs git without a shell, without prompts and with a time limit, and says what went wrong in a sentence."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tasks.domain.errors import AccessRefused, ConfigurationError, DeliveryError, Unreachable

# Nothing of a repository may run by itself, and a server that stops sending must not hold a run up.
_SETTINGS = ("core.hooksPath=/dev/null", "protocol.ext.allow=never", "http.lowSpeedLimit=1000", "http.lowSpeedTime=60")
# What git and its transports print, in the untranslated form that LC_ALL=C.UTF-8 asks for.
_ANSWERED = ("[rejected]", "[remote rejected]", "couldn't find remote ref")
_REFUSED = ("authentication failed", "could not read username", "error: 401", "error: 403", "permission denied")
_ABSENT = ("repository not found", "' not found", "does not appear to be a git repository", "error: 404")
_NO_ANSWER = (
    "could not resolve",
    "couldn't connect",
    "failed to connect",
    "connection",
    "timed out",
    "operation too slow",
    "error: 5",
    "hung up",
    "early eof",
    "rpc failed",
    "empty reply",
    "ssl",
    "network is unreachable",
)


class GitFailed(DeliveryError):
    """A git command ended badly for a reason of its own; `complaint` is what it printed, in lower case."""

    def __init__(self, message: str, complaint: str) -> None:
        super().__init__(message)
        self.complaint = complaint


def run_git(
    *arguments: str, environment: Mapping[str, str], remote: str, folder: Path | None = None, timeout_seconds: int = 600
) -> str:
    """What the command prints, as text; see run_git_in_bytes."""
    output = run_git_in_bytes(
        *arguments, environment=environment, remote=remote, folder=folder, timeout_seconds=timeout_seconds
    )
    return output.decode("utf-8", errors="replace")


def run_git_in_bytes(
    *arguments: str,
    environment: Mapping[str, str],
    remote: str,
    folder: Path | None = None,
    given: bytes = b"",
    timeout_seconds: int = 600,
) -> bytes:
    """What the command prints when it reads `given`; `remote` is how messages call the repository on the other side.

    Raises AccessRefused where the credentials do not suffice, Unreachable where there was no usable answer,
    ConfigurationError where git is not installed, and GitFailed for anything else.
    """
    settings = [part for setting in _SETTINGS for part in ("-c", setting)]
    process = _start(["git", *settings, *arguments], environment, folder)
    try:
        output, errors = process.communicate(given, timeout=timeout_seconds)
    except subprocess.TimeoutExpired as problem:
        raise Unreachable(f"git {arguments[0]} with {remote} did not end within {timeout_seconds} s") from problem
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    if process.returncode != 0:
        raise _failure(arguments[0], remote, errors.decode("utf-8", errors="replace"))
    return output


def _start(command: list[str], environment: Mapping[str, str], folder: Path | None) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            command,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # git's transports are processes of their own; together they can be ended together.
            start_new_session=True,
        )
    except FileNotFoundError as problem:
        if problem.filename != command[0]:
            raise
        raise ConfigurationError("git is not on the PATH of this worker; install it, or correct the PATH") from problem


def _failure(command: str, remote: str, errors: str) -> DeliveryError:
    complaint = errors.lower()
    last = next((line.strip() for line in reversed(errors.splitlines()) if line.strip()), "it printed nothing")
    failed = GitFailed(f"git {command} with {remote} failed: {last}", complaint)
    # First, because such an answer repeats names, and a branch or a host may well be called "connection".
    if any(sign in complaint for sign in _ANSWERED):
        return failed
    if "host key verification failed" in complaint:
        return AccessRefused(
            f"{remote} shows a host key that is not among the known hosts; find out whose it is before you add it"
        )
    if "permission denied (publickey" in complaint:
        return AccessRefused(f"{remote} refuses the SSH key; give it the right to read its contents")
    if any(sign in complaint for sign in _REFUSED):
        return AccessRefused(f"{remote} refuses the credentials; give the token the right to read its contents")
    if any(sign in complaint for sign in _ABSENT):
        return AccessRefused(f"{remote} does not exist or the token may not see it; check the name and contents: read")
    if any(sign in complaint for sign in _NO_ANSWER):
        return Unreachable(f"{remote} cannot be reached: {last}; check the address and the network")
    return failed
