"""A loop of the controller: calls a function for each key that is due, in a thread of its own."""

import logging
import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

_logger = logging.getLogger(__name__)
Key = TypeVar("Key", bound=Hashable)


class WorkQueue(Generic[Key]):
    """A key waits once, at the earliest time it was added for; what is added while it is worked on waits again."""

    def __init__(self, name: str, work: Callable[[Key], None]) -> None:
        self._name = name
        self._work = work
        self._due: dict[Key, float] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def add(self, key: Key, delay: float = 0.0) -> None:
        """Work on the key after `delay` seconds."""
        due = time.monotonic() + delay
        with self._changed:
            self._due[key] = min(due, self._due.get(key, due))
            self._changed.notify()

    def start(self) -> None:
        """Begin; what was added before is not lost."""
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the piece of work at hand; nothing happens where it did not start."""
        thread, self._thread = self._thread, None
        with self._changed:
            self._changed.notify()
        if thread:
            thread.join(30)

    def _run(self) -> None:
        thread = threading.current_thread()
        while self._thread is thread:
            key = self._next()
            if key is None:
                continue
            try:
                self._work(key)
            except Exception:
                # One Application that goes wrong must not end the loop for all others.
                _logger.exception("the sandbox's Argo CD failed on %s", key)

    def _next(self) -> Key | None:
        with self._changed:
            if self._thread is None:
                return None
            now = time.monotonic()
            due = min(self._due, key=lambda key: self._due[key], default=None)
            if due is None or self._due[due] > now:
                self._changed.wait(None if due is None else self._due[due] - now)
                return None
            del self._due[due]
            return due
