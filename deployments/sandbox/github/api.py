"""What all REST endpoints share: who calls, what they may do, and GitHub's answers to what it refuses."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deployments.sandbox.github.access import BadCredentials, app_token_of, caller, signing_app
from deployments.sandbox.github.app_rights import needed_rights
from deployments.sandbox.github.apps import App, BadSignature, InstallationToken
from deployments.sandbox.github.history import Commit, read_commits
from deployments.sandbox.github.records import Permission, Repository, User
from deployments.sandbox.github.state import GitHubState
from deployments.sandbox.github.views import JSON, repository_url

DOCUMENTATION = "https://docs.github.com/rest"


class Refused(Exception):
    """An error answer; `errors` are the details that GitHub gives with 422."""

    def __init__(self, status: int, message: str, errors: Sequence[JSON] = ()) -> None:
        super().__init__(message)
        self.status, self.message, self.errors = status, message, list(errors)

    def response(self) -> Response:
        """As GitHub words it (https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api)."""
        details = {"errors": self.errors} if self.errors else {}
        body = {"message": self.message, **details, "documentation_url": DOCUMENTATION, "status": str(self.status)}
        return JSONResponse(body, self.status)


def invalid(resource: str, field: str, code: str = "invalid", message: str | None = None) -> Refused:
    """The 422 for one field; with a message its code is `custom`."""
    error = {"resource": resource, "field": field, "code": "custom" if message else code}
    return Refused(422, "Validation Failed", [error | ({"message": message} if message else {})])


@dataclass(frozen=True)
class Call:
    """One request, as an endpoint sees it."""

    state: GitHubState
    user: User | None
    path: Mapping[str, str]
    query: Mapping[str, str]
    accept: str
    body: JSON
    url: str
    method: str
    app: App | None = None
    token: InstallationToken | None = None

    @property
    def signed(self) -> App:
        """The App that signed the request itself; raises Refused where none did."""
        if self.app is None:
            raise Refused(401, "A JSON web token could not be decoded")
        return self.app

    @property
    def repository(self) -> Repository:
        """The one in the path; the endpoint is not called where the caller may not read it."""
        return self.state.repositories["{owner}/{name}".format(**self.path)]

    @property
    def actor(self) -> User:
        """The account of the token; raises Refused for an anonymous request."""
        if self.user is None:
            raise Refused(401, "Requires authentication")
        return self.user

    @property
    def web(self) -> str:
        """Where this GitHub is served."""
        return self.state.web_url

    @property
    def repository_url(self) -> str:
        """The repository's address in the REST API."""
        return repository_url(self.web, self.repository)

    def commit(self, revision: str) -> Commit:
        """The commit that a branch, a tag or a SHA stands for; raises Refused (422) without one."""
        sha = self.repository.git.resolve(revision)
        if sha is None:
            raise Refused(422, f"No commit found for SHA: {revision}")
        return read_commits(self.repository.git.path, sha, limit=1)[0]

    def text(self, field: str, resource: str, *, required: bool = False) -> str | None:
        """A field of the body that is a text or absent; raises Refused (422) for anything else."""
        value = self.body.get(field)
        if value is None and required:
            raise invalid(resource, field, "missing_field")
        if value is not None and not isinstance(value, str):
            raise invalid(resource, field)
        return value


Endpoint = Callable[[Call], Response]


def route(method: str, path: str, endpoint: Endpoint, needs: Permission = Permission.NONE) -> Route:
    """An endpoint below /api/v3; `needs` is what the caller must be allowed in the path's repository."""

    async def answer(request: Request) -> Response:
        state: GitHubState = request.app.state.github
        raw = await request.body()
        return await run_in_threadpool(_answer, state, request, raw, endpoint, needs)

    return Route(path, answer, methods=[method])


def _answer(state: GitHubState, request: Request, raw: bytes, endpoint: Endpoint, needs: Permission) -> Response:
    with state.lock:
        state.web_url = state.web_url or str(request.base_url).rstrip("/")
        try:
            call = _call(state, request, raw)
            _admit(call, needs)
            response = _conditional(request, endpoint(call))
        except Refused as refused:
            response = refused.response()
        _count(state, request, response)
        return response


def _call(state: GitHubState, request: Request, raw: bytes) -> Call:
    if state.faults.retry_after is not None:
        raise Refused(403, "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.")
    authorization = request.headers.get("authorization")
    if state.rate_limit.is_exhausted(authorization or ""):
        raise Refused(403, "API rate limit exceeded")
    try:
        app = signing_app(state, authorization)
        user = None if app else caller(state, authorization)
    except BadSignature as problem:
        raise Refused(401, str(problem)) from None
    except BadCredentials:
        raise Refused(401, "Bad credentials") from None
    try:
        body = json.loads(raw) if raw else {}
    except ValueError:
        raise Refused(400, "Problems parsing JSON") from None
    if not isinstance(body, dict):
        raise Refused(400, "Body should be a JSON object")
    accept = request.headers.get("accept", "")
    where = (request.path_params, request.query_params, accept, body, str(request.url), request.method)
    return Call(state, user, *where, app=app, token=app_token_of(state, authorization))


def _admit(call: Call, needs: Permission) -> None:
    if needs is Permission.NONE:
        return
    repository = call.state.repositories.get("{owner}/{name}".format(**call.path))
    permission = repository.permission_of(call.user) if repository else Permission.NONE
    # Who may not read a repository is not told that there is one.
    if permission < Permission.READ or (needs is Permission.ADMIN and permission < needs):
        raise Refused(404, "Not Found")
    if needs > Permission.READ and call.actor and permission < needs:
        raise Refused(403, "Resource not accessible by personal access token")
    if call.token and repository:
        _admit_app(call, call.token, repository)


def _admit_app(call: Call, token: InstallationToken, repository: Repository) -> None:
    if repository.full_name not in token.repositories:
        raise Refused(404, "Not Found")
    rights, level = needed_rights(call.method, call.url.partition("?")[0])
    if not any(token.allows(right, level) for right in rights):
        raise Refused(403, "Resource not accessible by integration")


def _conditional(request: Request, response: Response) -> Response:
    """Give a reading answer its ETag, and answer 304 to who has it already."""
    if request.method != "GET" or response.status_code != 200:
        return response
    tag = f'W/"{hashlib.sha256(bytes(response.body)).hexdigest()}"'
    if request.headers.get("if-none-match") == tag:
        response = Response(status_code=304)
    response.headers["ETag"] = tag
    return response


def _count(state: GitHubState, request: Request, response: Response) -> None:
    """Add the headers of the rate limit; a 304 costs nothing."""
    who = request.headers.get("authorization", "")
    if response.status_code != 304:
        state.rate_limit.spend(who)
    response.headers.update(state.rate_limit.headers(who))
    if state.faults.retry_after is not None:
        response.headers["Retry-After"] = str(state.faults.retry_after)


def page_of(call: Call, items: Sequence[Any]) -> tuple[list[Any], dict[str, str]]:
    """The page that the caller asks for (30 items, 100 at most) and the Link header to its neighbours."""
    size = min(100, max(1, _number(call.query.get("per_page"), 30)))
    page, last = max(1, _number(call.query.get("page"), 1)), max(1, -(-len(items) // size))
    numbers = {"prev": page - 1, "next": page + 1, "last": last, "first": 1}
    wanted = [name for name in numbers if (page < last if name in ("next", "last") else page > 1)]
    links = [f'<{_with_page(call, numbers[name])}>; rel="{name}"' for name in wanted]
    return list(items[(page - 1) * size : page * size]), {"Link": ", ".join(links)} if links else {}


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isdecimal() else default


def _with_page(call: Call, page: int) -> str:
    return f"{call.url.partition('?')[0]}?{urlencode({**call.query, 'page': page})}"
