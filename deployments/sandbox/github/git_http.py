"""Serves repositories to git over smart HTTP, through git's own `git http-backend`."""

import asyncio
import contextlib
import os
import signal
import tempfile
from dataclasses import dataclass
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from deployments.sandbox.github.access import BadCredentials, app_token_of, caller
from deployments.sandbox.github.git_command import git_environment
from deployments.sandbox.github.records import Permission, RefUpdate, Repository, User
from deployments.sandbox.github.state import GitHubState

_SERVICES = ("git-upload-pack", "git-receive-pack")
_CHUNK = 65536


class GitRefusal(Exception):
    """The answer that git gets instead of the repository."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


@dataclass(frozen=True)
class GitHTTP:
    """An ASGI application for `info/refs`, `git-upload-pack` and `git-receive-pack`."""

    state: GitHubState

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let git in and hand it to the backend; after a push, tell what has moved."""
        request = Request(scope, receive)
        try:
            repository, user = self._admit(request)
        except GitRefusal as refusal:
            await refusal.response(scope, receive, send)
            return
        with tempfile.TemporaryDirectory(prefix="push-") as folder:
            moved = Path(folder) / "updates"
            await _run_backend(request, send, self._environment(request, user, moved))
            updates = [_update(line) for line in moved.read_text().splitlines()] if moved.exists() else []
        if updates and user:
            await run_in_threadpool(self.state.apply_push, repository, updates, user)

    def _admit(self, request: Request) -> tuple[Repository, User | None]:
        service = request.path_params["service"]
        name = request.query_params.get("service") if service == "info/refs" else service
        if name not in _SERVICES:
            raise GitRefusal(PlainTextResponse("Only smart HTTP is served here.\n", 403))
        repository = self.state.repositories.get("{owner}/{name}".format(**request.path_params))
        try:
            user = caller(self.state, request.headers.get("authorization"))
        except BadCredentials:
            raise GitRefusal(_ask("Invalid username or token.\n")) from None
        permission = repository.permission_of(user) if repository else Permission.NONE
        if user is None and (name == "git-receive-pack" or permission < Permission.READ):
            raise GitRefusal(_ask("Authentication required.\n"))
        if repository is None or permission < Permission.READ:
            raise GitRefusal(PlainTextResponse("Repository not found.\n", 404))
        if user and name == "git-receive-pack" and permission < Permission.WRITE:
            text = f"Permission to {repository.full_name}.git denied to {user.login}.\n"
            raise GitRefusal(PlainTextResponse(text, 403))
        token = app_token_of(self.state, request.headers.get("authorization"))
        level = "write" if name == "git-receive-pack" else "read"
        if token and (repository.full_name not in token.repositories or not token.allows("contents", level)):
            raise GitRefusal(PlainTextResponse("Write access to repository not granted.\n", 403))
        return repository, user

    def _environment(self, request: Request, user: User | None, moved: Path) -> dict[str, str]:
        """What CGI says of the request (RFC 3875), and git's own variables (git-http-backend(1))."""
        headers = {
            "CONTENT_TYPE": "content-type",
            "CONTENT_LENGTH": "content-length",
            "HTTP_CONTENT_ENCODING": "content-encoding",
            "GIT_PROTOCOL": "git-protocol",
        }
        given = {name: request.headers[header] for name, header in headers.items() if header in request.headers}
        return git_environment() | {
            "GIT_PROJECT_ROOT": str(self.state.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": "/{owner}/{name}.git/{service}".format(**request.path_params),
            "REQUEST_METHOD": request.method,
            "QUERY_STRING": request.url.query,
            "REMOTE_USER": user.login if user else "",
            "SANDBOX_REF_UPDATES": str(moved),
            **given,
        }


def _ask(text: str) -> Response:
    return PlainTextResponse(text, 401, headers={"WWW-Authenticate": 'Basic realm="GitHub"'})


def _update(line: str) -> RefUpdate:
    before, after, ref = line.split(" ", 2)
    return RefUpdate(ref, before, after)


async def _run_backend(request: Request, send: Send, environment: dict[str, str]) -> None:
    """Stream the request into the backend and its answer out, both at once: either side may wait for the other."""
    pipe, nowhere = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    # A group of its own: git starts the backend, and that the service, as processes of their own.
    process = await asyncio.create_subprocess_exec(
        "git", "http-backend", stdin=pipe, stdout=pipe, stderr=nowhere, env=environment, start_new_session=True
    )
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("git http-backend was started without pipes")
    feeding = asyncio.create_task(_feed(request, process))
    try:
        await _start(process.stdout, send)
        while chunk := await process.stdout.read(_CHUNK):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        # The push is over for the client only when all it moved is on disk.
        await process.wait()
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    finally:
        feeding.cancel()
        _end(process)
        await process.wait()


def _end(process: asyncio.subprocess.Process) -> None:
    """End what still runs; a backend whose client has gone would otherwise read its closed input for ever."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


async def _feed(request: Request, process: asyncio.subprocess.Process) -> None:
    if process.stdin is None:
        return
    # The backend may have answered, and ended, before it has read everything.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        try:
            async for chunk in request.stream():
                process.stdin.write(chunk)
                await process.stdin.drain()
        except ClientDisconnect:
            _end(process)
        finally:
            process.stdin.close()


async def _start(output: asyncio.StreamReader, send: Send) -> None:
    """Turn the CGI header into the response's; without one the backend has failed."""
    status, headers = 200, []
    while line := (await output.readline()).strip():
        name, _, value = line.partition(b":")
        if name.lower() == b"status":
            status = int(value.split()[0])
        else:
            headers.append((name.lower(), value.strip()))
    await send({"type": "http.response.start", "status": status if headers else 500, "headers": headers})
