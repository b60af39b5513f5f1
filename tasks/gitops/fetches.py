"""Which fetches a mirror has seen, so that those who wait for the same answer share one.

A fetch that began after a question was asked answers it, whoever made it. Fetches are counted, not timed: no clock is
the same in all processes that share a mirror.
"""

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Fetches:
    """The count, in a file beside the mirror; everything but `begun` only under the mirror's lock."""

    file: Path

    def begun(self) -> int:
        """How many fetches have begun so far."""
        return self._read()[0]

    def begin(self) -> int:
        """Count one more; its number."""
        begun, done = self._read()
        self._write(begun + 1, done)
        return begun + 1

    def end(self, number: int, branch: str) -> None:
        """Say that this fetch brought the branch."""
        begun, done = self._read()
        self._write(begun, done | {branch: number})

    def has_brought(self, branch: str, *, since: int) -> bool:
        """Whether a fetch that began after so many others has brought the branch."""
        return self._read()[1].get(branch, 0) > since

    def _read(self) -> tuple[int, dict[str, int]]:
        try:
            begun, done = json.loads(self.file.read_bytes())
        except (FileNotFoundError, ValueError):
            return 0, {}
        return begun, done

    def _write(self, begun: int, done: dict[str, int]) -> None:
        # Whoever reads it without the lock sees all of it or what was there before.
        unfinished = self.file.with_suffix(".new")
        unfinished.write_text(json.dumps([begun, done]))
        unfinished.rename(self.file)
