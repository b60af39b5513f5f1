"""What programs print, on its way into the flow run's log: masked, without terminal codes, and bounded."""

import re
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from prefect.exceptions import MissingContextError
from prefect.logging import get_logger, get_run_logger

_TERMINAL_CODES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])|[\x00-\x08\x0b-\x1f\x7f]"
)
_SECRET_NAME = re.compile(r"TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|AUTH|PRIVATE|_KEY$|_URL$")
# Shorter values are words that would mask half the log.
_SHORTEST_SECRET = 8


def run_logger() -> Any:
    """The run's logger, or the process's where there is no run: at a run's end, and in the command line."""
    try:
        return get_run_logger()
    except MissingContextError:
        return get_logger("tidegate")


class RunLog:
    """Passes printed lines to a logger until `lines` are reached, and keeps the last `tail` of them."""

    def __init__(
        self, logger: Any, *, secrets: Iterable[str] = (), lines: int = 2000, length: int = 1000, tail: int = 50
    ) -> None:
        self._logger = logger
        parts = {part for secret in secrets for part in secret.splitlines() if len(part) >= _SHORTEST_SECRET}
        # The longest first, so that a secret within another does not leave the rest of the longer one.
        self._secrets = sorted(parts, key=len, reverse=True)
        self._left = lines
        self._length = length
        self._tail: deque[str] = deque(maxlen=tail)

    @property
    def tail(self) -> tuple[str, ...]:
        """The last lines, as they went into the log or would have."""
        return tuple(self._tail)

    def write(self, line: str) -> None:
        """Log one line; after the last allowed one only a note that the rest is left out."""
        # Masked before it is cut: half a secret is not recognised any more.
        text = self._masked(_TERMINAL_CODES.sub("", line.rstrip()))
        if len(text) > self._length:
            text = text[: self._length] + " …"
        self._tail.append(text)
        self._left -= 1
        if self._left >= 0:
            self._logger.info("%s", text)
        elif self._left == -1:
            self._logger.warning("The output is longer than the log may be; only its end is kept from here on.")

    def _masked(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


def secrets_of(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The values in an environment whose names say that they are secret."""
    return tuple(value for name, value in environment.items() if _SECRET_NAME.search(name.upper()))
