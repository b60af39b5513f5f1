"""One event stream and one slow poll of an Argo CD server, shared by all rollouts that this process waits for.

An event only wakes whoever waits for its Application, so that he looks; nothing is decided on it. Events get lost, are
held back by proxies, and streams are cut: while the stream is silent or broken, everybody looks by himself. Its rules
are in tasks.domain.argocd.events and tasks.domain.rollout.pause.
"""

import asyncio
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import NoReturn

import httpx

from blocks.argocd import ArgoCDServer
from tasks.domain.argocd.events import LIST_FIELDS, STREAM_FIELDS, Broken, Changed, read_event, read_prints
from tasks.domain.delivery.rollout import ArgoCDTarget, ParentApplication

# Argo CD sends a comment every 15 seconds; a stream that is silent for longer is dead, or held back by a proxy.
_SILENT_SECONDS = 45.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 1.0, 30.0
_JOIN_SECONDS = 10.0
# A server that refuses does not change its mind: asking on has flooded servers (argo-cd issue 24807).
_REFUSALS = {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN, httpx.codes.NOT_FOUND}


@dataclass(slots=True)
class Watch:
    """One waiting rollout: woken when something about its Application has changed."""

    target: ArgoCDTarget
    slow_seconds: float
    _watcher: "_Watcher"
    _woken: threading.Event = field(default_factory=threading.Event)

    @property
    def is_live(self) -> bool:
        """Whether changes are told of now; else whoever waits has to look by himself."""
        return self._watcher.is_live

    def wait(self, seconds: float) -> bool:
        """Wait so long at most; True where it was woken. A change since the last call counts."""
        woken = self._woken.wait(max(0.0, seconds))
        self._woken.clear()
        return woken

    def wake(self, changed: Changed | None = None) -> None:
        """End the wait, if the change is one of this Application."""
        if changed is None or any(
            changed.name == one.application and one.namespace in (None, changed.namespace) for one in self.family
        ):
            self._woken.set()

    @property
    def family(self) -> tuple[ArgoCDTarget | ParentApplication, ...]:
        """The Application, and the one that applies it where it is asked about, too."""
        return (self.target, self.target.parent) if self.target.parent else (self.target,)


@contextmanager
def watching(server: ArgoCDServer, target: ArgoCDTarget, slow_seconds: float) -> Iterator[Watch]:
    """Watch the Application until the block ends; the last who leaves ends the stream and its thread.

    `slow_seconds` is the pause of the poll that looks for what the stream did not tell.
    """
    key = (server.url, server.token.get_secret_value())
    with _lock:
        watcher = _watchers.setdefault(key, _Watcher(server))
        watch = Watch(target, slow_seconds, watcher)
        watcher.join(watch)
    try:
        yield watch
    finally:
        with _lock:
            is_last = watcher.leave(watch)
            if is_last:
                del _watchers[key]
        if is_last:
            watcher.end()


class _Watcher:
    """The thread of one server; it runs from the first watch to the last."""

    def __init__(self, server: ArgoCDServer) -> None:
        self._server = server
        self._watches: tuple[Watch, ...] = ()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._work: asyncio.Task[None] | None = None
        self._heard: float | None = None
        self._is_listed = True
        self._is_over = threading.Event()

    @property
    def is_live(self) -> bool:
        heard = self._heard
        return self._is_listed and heard is not None and time.monotonic() - heard < _SILENT_SECONDS

    def join(self, watch: Watch) -> None:
        self._watches = (*self._watches, watch)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="argocd-stream", daemon=True)
            self._thread.start()

    def leave(self, watch: Watch) -> bool:
        self._watches = tuple(one for one in self._watches if one is not watch)
        return not self._watches

    def end(self) -> None:
        self._is_over.set()
        loop, work = self._loop, self._work
        if loop is not None and work is not None:
            # The thread may have ended by itself meanwhile.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(work.cancel)
        if self._thread is not None:
            self._thread.join(_JOIN_SECONDS)

    def _run(self) -> None:
        with suppress(asyncio.CancelledError):
            try:
                asyncio.run(self._watch())
            finally:
                self._heard = None

    async def _watch(self) -> None:
        self._loop, self._work = asyncio.get_running_loop(), asyncio.current_task()
        # Whoever left before there was something to cancel.
        if self._is_over.is_set():
            return
        async with self._server.get_async_client() as client, asyncio.TaskGroup() as both:
            polling = both.create_task(self._poll(client))
            await self._follow(client)
            polling.cancel()

    async def _follow(self, client: httpx.AsyncClient) -> None:
        """Read the stream again and again; returns where the server refuses it."""
        pause = _FIRST_PAUSE_SECONDS
        while True:
            since = time.monotonic()
            try:
                if await self._read(client) in _REFUSALS:
                    return
            except httpx.HTTPError:
                pass
            self._heard = None
            self._wake_all()
            if time.monotonic() - since > _LONGEST_PAUSE_SECONDS:
                pause = _FIRST_PAUSE_SECONDS
            await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - it only has to differ between processes
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    async def _read(self, client: httpx.AsyncClient) -> int:
        """Read one stream to its end; the HTTP status that it ended with."""
        request = client.stream(
            "GET",
            "/stream/applications",
            params={"fields": STREAM_FIELDS},
            headers={"Accept": "text/event-stream"},
            timeout=httpx.Timeout(30, read=_SILENT_SECONDS),
        )
        async with request as response:
            if not response.is_success:
                return response.status_code
            async for line in response.aiter_lines():
                event = read_event(line)
                if isinstance(event, Broken):
                    return event.status
                self._heard = time.monotonic()
                if event:
                    self._wake_all(event)
        return response.status_code

    async def _poll(self, client: httpx.AsyncClient) -> NoReturn:
        """What the stream has lost shows in the list."""
        known: dict[Changed, str] = {}
        while True:
            await asyncio.sleep(min((watch.slow_seconds for watch in self._watches), default=_LONGEST_PAUSE_SECONDS))
            if self._heard is None:
                continue
            projects = sorted({one.project for watch in self._watches for one in watch.family})
            try:
                answer = await client.get("/applications", params={"projects": projects, "fields": LIST_FIELDS})
                prints = read_prints(answer.raise_for_status().json())
            except (httpx.HTTPError, ValueError, AttributeError):
                self._is_listed = False
                self._wake_all()
                continue
            self._is_listed = True
            for name, value in prints.items():
                if known.get(name) != value:
                    self._wake_all(name)
            known = prints

    def _wake_all(self, changed: Changed | None = None) -> None:
        for watch in self._watches:
            watch.wake(changed)


_lock = threading.Lock()
_watchers: dict[tuple[str, str], _Watcher] = {}
