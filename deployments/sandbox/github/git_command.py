"""Runs git on the sandbox's repositories, cut off from the machine's own configuration and identity."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path


class GitRefused(Exception):
    """git ended with an error; the message is what it said."""


def git_environment() -> dict[str, str]:
    """The whole environment for git: no system or personal configuration, no prompt, English messages."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C.UTF-8",
    }


def run_git(
    repository: Path, *arguments: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None
) -> bytes:
    """What git writes to its standard output; raises GitRefused where it fails, TimeoutExpired after 60 seconds."""
    done = subprocess.run(
        ["git", "-C", str(repository), *arguments],
        input=stdin,
        capture_output=True,
        env=git_environment() | dict(environment or {}),
        timeout=60,
        check=False,
    )
    if done.returncode:
        raise GitRefused(f"git {arguments[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout
