"""GitHub's wire protocols over a GitHubState: REST below /api/v3, GraphQL, git over HTTP, and pages to link to."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from deployments.sandbox.github import (
    graphql,
    rest_apps,
    rest_checks,
    rest_comments,
    rest_commits,
    rest_deployments,
    rest_hooks,
    rest_people,
    rest_pulls,
    rest_repositories,
    rest_reviews,
    rest_statuses,
)
from deployments.sandbox.github.api import Refused
from deployments.sandbox.github.git_http import GitHTTP
from deployments.sandbox.github.state import GitHubState


def create_app(state: GitHubState) -> Starlette:
    """The ASGI application; the REST API is at `/api/v3`, a repository is cloned from `/OWNER/NAME.git`."""
    rest = [
        # A branch may have slashes in its name, so the endpoints with an ending come before the one without.
        *rest_apps.ROUTES,
        *rest_statuses.ROUTES,
        *rest_checks.ROUTES,
        *rest_commits.ROUTES,
        *rest_pulls.ROUTES,
        *rest_comments.ROUTES,
        *rest_reviews.ROUTES,
        *rest_deployments.ROUTES,
        *rest_hooks.ROUTES,
        *rest_people.ROUTES,
        *rest_repositories.ROUTES,
    ]
    application = Starlette(
        routes=[
            Mount("/api/v3", routes=rest),
            Mount("/api", routes=graphql.ROUTES),
            Route("/{owner}/{name}.git/{service:path}", GitHTTP(state)),
            Route("/{owner}/{name}", _page),
            Route("/{owner}/{name}/{page:path}", _page),
        ],
        middleware=[Middleware(_OrderedAnswers, state=state)],
        exception_handlers={404: _not_found, 405: _not_found},
    )
    application.state.github = state
    return application


async def _page(request: Request) -> Response:
    """A place for links to lead to; what is there is told by the REST API."""
    return PlainTextResponse(f"{request.url.path}\n")


async def _not_found(request: Request, exception: Exception) -> Response:
    """GitHub answers 404 to a method it does not know at a path, too."""
    if request.url.path.startswith("/api/v3"):
        return Refused(404, "Not Found").response()
    status = exception.status_code if isinstance(exception, HTTPException) else 404
    return PlainTextResponse("Not Found\n", status)


class _OrderedAnswers:
    """Gives the answers that a test has ordered instead of the real ones."""

    def __init__(self, app: ASGIApp, state: GitHubState) -> None:
        self._app, self._state = app, state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        status = self._state.faults.take(scope["method"], scope["path"]) if scope["type"] == "http" else None
        if status is None:
            await self._app(scope, receive, send)
        else:
            await JSONResponse({"message": "ordered by a test"}, status)(scope, receive, send)
