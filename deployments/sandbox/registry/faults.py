"""What a test or a scenario makes go wrong in the registry."""

import threading
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Planned:
    status: int
    to: str
    left: int


@dataclass(slots=True)
class Faults:
    """Answers planned in advance; thread-safe."""

    _planned: list[_Planned] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer_next(self, status: int, *, to: str = "", times: int = 1) -> None:
        """Answer the next requests with this status instead; only those that contain `to`, as in "PUT /v2/acme"."""
        with self._lock:
            self._planned.append(_Planned(status, to, times))

    def take(self, method: str, path: str) -> int | None:
        """The status planned for this request, which is used up by asking."""
        with self._lock:
            for planned in self._planned:
                if planned.left and planned.to in f"{method} {path}":
                    planned.left -= 1
                    return planned.status
        return None
