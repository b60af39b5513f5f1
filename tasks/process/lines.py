"""Cuts what a program prints into lines."""

from collections.abc import Callable

# More of one line than this is dropped; a program that prints no line ends must not fill the memory.
_LONGEST_LINE = 64 * 1024


class Lines:
    """Cuts a stream of bytes into lines."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._open = b""

    def feed(self, piece: bytes) -> None:
        """Take what was printed, and give on each line that it ends."""
        *whole, rest = piece.split(b"\n")
        for part in whole:
            self._on_line((self._open + part)[:_LONGEST_LINE].decode("utf-8", errors="replace"))
            self._open = b""
        self._open = (self._open + rest)[:_LONGEST_LINE]

    def end(self) -> None:
        """Give on what no line end followed."""
        if self._open:
            self.feed(b"\n")
