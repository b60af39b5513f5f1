"""The edits that wait to be written: files in a folder, so that one process can write what all of a host hand in.

Whoever hands in a request holds a lock on its file for as long as it waits for the answer. The kernel lets go of it
when that process dies, however it dies; so a request that can be locked by somebody else has nobody left who wants it.
"""

import contextlib
import fcntl
import json
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_REQUEST, _ANSWER, _UNFINISHED = ".request", ".answer", ".new"
# Nobody takes so long to write a few lines; what is older was left by a process that died over it.
_UNFINISHED_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Request:
    """One edit that somebody waits for."""

    file: Path

    def read(self) -> Any:
        """What was asked for; raises FileNotFoundError where its owner has gone meanwhile, ValueError for no JSON."""
        return json.loads(self.file.read_bytes())

    def answer(self, answer: Mapping[str, Any]) -> None:
        """Tell its owner how it ended."""
        _place(self.file.with_suffix(_ANSWER), json.dumps(answer).encode())

    def find_answer(self) -> dict[str, Any] | None:
        """How it ended; None where nobody has dealt with it yet."""
        try:
            answer: dict[str, Any] = json.loads(self.file.with_suffix(_ANSWER).read_bytes())
        except FileNotFoundError:
            return None
        return answer


@contextmanager
def hand_in(folder: Path, content: Mapping[str, Any]) -> Iterator[Request]:
    """Put a request into the queue; it is taken out when the block ends."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The name is the order in which they are dealt with.
    request = Request(folder / f"{time.time_ns():020}-{uuid.uuid4().hex}{_REQUEST}")
    unfinished = request.file.with_suffix(_UNFINISHED)
    with unfinished.open("xb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            file.write(json.dumps(content).encode())
            file.flush()
            # Only now is it seen, whole and locked.
            unfinished.rename(request.file)
            yield request
        finally:
            for left in (unfinished, request.file, request.file.with_suffix(_ANSWER)):
                left.unlink(missing_ok=True)


def find_waiting(folder: Path) -> list[Request]:
    """The requests without an answer whose owners still wait, oldest first; what dead ones left is cleared away."""
    waiting = []
    for file in sorted(folder.glob(f"*{_REQUEST}")):
        has_answer = file.with_suffix(_ANSWER).exists()
        if _has_owner(file):
            if not has_answer:
                waiting.append(Request(file))
        else:
            file.with_suffix(_ANSWER).unlink(missing_ok=True)
            file.unlink(missing_ok=True)
    _clear_unfinished(folder)
    return waiting


def _clear_unfinished(folder: Path) -> None:
    for file in folder.glob(f"*{_UNFINISHED}"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - file.stat().st_mtime > _UNFINISHED_SECONDS:
                file.unlink()


def _has_owner(file: Path) -> bool:
    with contextlib.suppress(FileNotFoundError), file.open("rb") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _place(file: Path, content: bytes) -> None:
    # Whoever reads it sees all of it or nothing.
    unfinished = file.with_name(f"{file.name}{_UNFINISHED}")
    unfinished.write_bytes(content)
    unfinished.rename(file)
