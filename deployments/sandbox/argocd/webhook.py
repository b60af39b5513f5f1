"""Takes GitHub's push webhook: it refreshes the Applications that the push is about, and waits for none of them."""

import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable, Iterable
from fnmatch import fnmatchcase
from posixpath import join, normpath
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from deployments.sandbox.argocd.resources import Document, annotations_of
from deployments.sandbox.argocd.source import sources_of
from deployments.sandbox.argocd.state import ArgoCDState
from deployments.sandbox.argocd.status import request_refresh
from deployments.sandbox.argocd.store import name_of

_PATHS = "argocd.argoproj.io/manifest-generate-paths"
_FAILED = "Webhook processing failed"


def webhook_endpoint(state: ArgoCDState) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint; 200 says no more than that the payload is understood."""

    async def receive(request: Request) -> Response:
        event, content = request.headers.get("x-github-event"), await request.body()
        if event is None:
            return PlainTextResponse("Unknown webhook event\n", 400)
        if not _is_genuine(content, request.headers.get("x-hub-signature-256", ""), state.webhook_secret):
            return PlainTextResponse(f"{_FAILED}: HMAC verification failed\n", 400)
        try:
            payload = json.loads(content)
            if event == "push":
                _refresh_what_is_touched(state, payload)
            elif event != "ping":
                return PlainTextResponse(f"{_FAILED}: event not found\n", 400)
        except (ValueError, KeyError, TypeError, AttributeError):
            return PlainTextResponse(f"{_FAILED}: error parsing payload\n", 400)
        return Response(status_code=200)

    return receive


def _refresh_what_is_touched(state: ArgoCDState, payload: Document) -> None:
    repository, ref = payload["repository"], payload["ref"]
    branch = ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
    is_default = branch == repository["default_branch"]
    commits = payload.get("commits") or []
    kinds = ("added", "modified", "removed")
    changed = {path for commit in commits for kind in kinds for path in commit.get(kind) or []}
    for application in state.store.all():
        for source in sources_of(application):
            wanted = source.get("targetRevision") or "HEAD"
            is_about = wanted in (ref, branch) or (is_default and wanted == "HEAD")
            if (
                is_about
                and _is_same_repository(source["repoURL"], repository["html_url"])
                and _is_touched(annotations_of(application).get(_PATHS), source.get("path") or ".", changed)
            ):
                state.store.update(name_of(application), request_refresh("normal"))


def _is_same_repository(url: str, html_url: str) -> bool:
    """By host and path, in any case, whatever the scheme, the user or a `.git` at the end."""
    one, other = urlsplit(url), urlsplit(html_url)
    path, html_path = (part.path.removesuffix("/").removesuffix(".git").lower() for part in (one, other))
    return (one.hostname, one.port, path) == (other.hostname, other.port, html_path)


def _is_touched(annotation: str | None, source_path: str, changed: Iterable[str]) -> bool:
    """Whether the push changed one of the annotation's paths; without the annotation, or without files, it did."""
    files = list(changed)
    if not annotation or not files:
        return True
    for path in filter(None, (part.strip() for part in annotation.split(";"))):
        place = path.lstrip("/") if path.startswith("/") else normpath(join(source_path, path))
        if any(place in (".", "") or f == place or f.startswith(f"{place}/") or fnmatchcase(f, place) for f in files):
            return True
    return False


def _is_genuine(content: bytes, signature: str, secret: str | None) -> bool:
    if secret is None:
        return True
    expected = "sha256=" + hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()
    return hmac.compare_digest(signature.encode(), expected.encode())
