"""Counts REST requests as GitHub does (https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api)."""

import hashlib
import time
from dataclasses import dataclass, field

_HOUR = 3600


@dataclass
class RateLimit:
    """Requests per caller and hour; a caller is an Authorization header, or its absence."""

    per_hour: int = 5000
    _spent: dict[str, tuple[int, int]] = field(default_factory=dict, repr=False)

    def is_exhausted(self, caller: str) -> bool:
        """Whether this caller has to wait for the next hour."""
        return self._window(caller)[1] >= self.per_hour

    def spend(self, caller: str) -> None:
        """Count one request."""
        start, used = self._window(caller)
        self._spent[_key(caller)] = (start, used + 1)

    def headers(self, caller: str) -> dict[str, str]:
        """What every answer says about it; the reset is in seconds since 1970."""
        start, used = self._window(caller)
        values = {"Limit": self.per_hour, "Remaining": max(0, self.per_hour - used), "Used": used}
        named = {f"X-RateLimit-{name}": str(value) for name, value in values.items()}
        return named | {"X-RateLimit-Reset": str(start + _HOUR), "X-RateLimit-Resource": "core"}

    def _window(self, caller: str) -> tuple[int, int]:
        now = int(time.time())
        start, used = self._spent.get(_key(caller), (now, 0))
        return (start, used) if now < start + _HOUR else (now, 0)


def _key(caller: str) -> str:
    # A digest, so that no token is kept here.
    return hashlib.sha256(caller.encode()).hexdigest()
