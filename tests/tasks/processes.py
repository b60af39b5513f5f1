"""Whether a process is still there, for tests of what must not be."""

import time
from pathlib import Path

import pytest

needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc to see processes")


def is_gone_soon(number: int) -> bool:
    """Whether the process has ended, at once or within five seconds."""
    for _ in range(100):
        if not _is_running(number):
            return True
        time.sleep(0.05)
    return False


def _is_running(number: int) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
