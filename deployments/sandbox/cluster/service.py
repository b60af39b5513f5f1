"""Services as TCP proxies on loopback: one port each that stays the same, forwarding to whichever pods are ready."""

import asyncio
import contextlib
import itertools
import socket
import threading
from collections.abc import Mapping

from deployments.sandbox.cluster.pod_status import PORT, is_ready
from deployments.sandbox.cluster.state import Object, ObjectStore

_CONNECT_SECONDS = 2.0
_PIECE = 64 * 1024


def endpoints(store: ObjectStore, namespace: str, name: str) -> list[int]:
    """The loopback ports of the pods that are ready to serve this Service; none where it does not exist."""
    service = store.get("Service", namespace, name)
    if service is None:
        return []
    selector = service["spec"]["selector"]
    return [
        int(pod["metadata"]["annotations"][PORT])
        for pod in store.objects(namespace, "Pod")
        if is_ready(pod)
        and selector.items() <= (pod["metadata"].get("labels") or {}).items()
        and _listens(pod, service["spec"]["ports"][0])
    ]


def _listens(pod: Object, service_port: Object) -> bool:
    """Whether the Service's target is the pod's one port; a pod that declares none is taken to listen everywhere."""
    declared = pod["spec"]["containers"][0].get("ports") or []
    target = service_port.get("targetPort", service_port["port"])
    if not declared:
        return isinstance(target, int)
    return target in (declared[0].get("name"), declared[0]["containerPort"])


class ServiceProxies:
    """All proxies of a cluster, in one thread; `ports` names those that must be at a certain one."""

    def __init__(self, store: ObjectStore, ports: Mapping[tuple[str, str], int]) -> None:
        self._store = store
        self._ports = ports
        self._listeners: dict[tuple[str, str], socket.socket] = {}
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="service proxies", daemon=True)
        self._turns = itertools.count()

    def start(self) -> None:
        """Begin to accept connections."""
        self._thread.start()

    def url(self, namespace: str, name: str) -> str:
        """The Service's address, the same from the first call on, also before the Service exists.

        Connections are closed at once while no pod is ready. Raises OSError where its port is in use.
        """
        with self._lock:
            listener = self._listeners.get((namespace, name))
            if listener is None:
                listener = socket.create_server(("127.0.0.1", self._ports.get((namespace, name), 0)))
                self._listeners[namespace, name] = listener
                asyncio.run_coroutine_threadsafe(self._serve(listener, namespace, name), self._loop)
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    def stop(self) -> None:
        """Close every connection and every port."""
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(_cancel_all(), self._loop).result(5)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(5)
        for listener in self._listeners.values():
            listener.close()
        self._loop.close()

    async def _serve(self, listener: socket.socket, namespace: str, name: str) -> None:
        async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.closing(writer):
                pod = await self._connect(namespace, name)
                if pod is not None:
                    with contextlib.closing(pod[1]):
                        await asyncio.gather(_pump(reader, pod[1]), _pump(pod[0], writer))

        async with await asyncio.start_server(forward, sock=listener) as server:
            await server.serve_forever()

    async def _connect(self, namespace: str, name: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """A connection to a ready pod, each in its turn; a pod that just ended is passed over."""
        ports = endpoints(self._store, namespace, name)
        first = next(self._turns)
        for offset in range(len(ports)):
            port = ports[(first + offset) % len(ports)]
            with contextlib.suppress(OSError, TimeoutError):
                return await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), _CONNECT_SECONDS)
        return None


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    # Either side may hang up at any moment; the other one then sees the end of the stream.
    with contextlib.suppress(OSError):
        while piece := await source.read(_PIECE):
            target.write(piece)
            await target.drain()
        if target.can_write_eof():
            target.write_eof()


async def _cancel_all() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
