"""REST endpoints for GitHub Apps: who they are, where they are installed, and their tokens."""

from datetime import UTC, datetime

from starlette.responses import JSONResponse, Response

from deployments.sandbox.github.api import Call, Refused, page_of, route
from deployments.sandbox.github.apps import App, Installation, InstallationToken
from deployments.sandbox.github.records import timestamp
from deployments.sandbox.github.views import JSON, node_id, repository_view


def get_app(call: Call) -> Response:
    """GET /app: with the App's own signature."""
    app = call.signed
    view = {"id": app.id, "client_id": app.client_id, "slug": app.slug, "name": app.bot.name}
    return JSONResponse(view | {"node_id": node_id("App", app.id), "permissions": dict(app.rights)})


def get_installation(call: Call) -> Response:
    """GET /app/installations/{id}."""
    return JSONResponse(_view(call, _find(call)))


def get_repository_installation(call: Call) -> Response:
    """GET /repos/{owner}/{name}/installation."""
    name, app = "{owner}/{name}".format(**call.path), call.signed
    for installation in call.state.installations:
        if installation.app is app and name in installation.repositories:
            return JSONResponse(_view(call, installation))
    raise Refused(404, "Not Found")


def create_token(call: Call) -> Response:
    """POST /app/installations/{id}/access_tokens: as narrow as the caller wants it."""
    installation = _find(call)
    if installation.is_suspended:
        raise Refused(403, "This installation has been suspended")
    token = call.state.issue_token(installation, _repositories(call, installation), _rights(call, installation.app))
    return JSONResponse(_token_view(token), 201)


def list_installation_repositories(call: Call) -> Response:
    """GET /installation/repositories: what the token may see."""
    token = call.token
    if token is None:
        raise Refused(403, "You must authenticate with an installation access token in order to list repositories.")
    found = [call.state.repositories[name] for name in sorted(token.repositories)]
    shown, headers = page_of(call, found)
    views = [repository_view(call.web, one, call.state.users[one.owner]) for one in shown]
    return JSONResponse({"total_count": len(found), "repositories": views}, headers=headers)


def _find(call: Call) -> Installation:
    for installation in call.state.installations:
        if installation.app is call.signed and str(installation.id) == call.path["id"]:
            return installation
    raise Refused(404, "Not Found")


def _repositories(call: Call, installation: Installation) -> frozenset[str]:
    names = call.body.get("repositories")
    if names is None:
        return frozenset(installation.repositories)
    wanted = frozenset(f"{installation.account}/{name}" for name in names)
    if not wanted <= installation.repositories:
        text = "There is at least one repository that does not exist or is not accessible to the parent installation."
        raise Refused(422, text)
    return wanted


def _rights(call: Call, app: App) -> dict[str, str]:
    wanted = call.body.get("permissions") or dict(app.rights)
    whole = InstallationToken("", Installation(0, app, "", set()), frozenset(), app.rights, 0)
    if not all(whole.allows(right, level) for right, level in wanted.items()):
        raise Refused(422, "The permissions requested are not granted to this installation.")
    return dict(wanted)


def _view(call: Call, installation: Installation) -> JSON:
    return {
        "id": installation.id,
        "account": {"login": installation.account},
        "app_id": installation.app.id,
        "app_slug": installation.app.slug,
        "access_tokens_url": f"{call.web}/api/v3/app/installations/{installation.id}/access_tokens",
        "permissions": dict(installation.app.rights),
        "repository_selection": "selected",
        "suspended_at": timestamp() if installation.is_suspended else None,
    }


def _token_view(token: InstallationToken) -> JSON:
    expires = datetime.fromtimestamp(token.expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"token": token.value, "expires_at": expires, "permissions": dict(token.rights)}


ROUTES = [
    route("GET", "/app", get_app),
    route("GET", "/app/installations/{id}", get_installation),
    route("POST", "/app/installations/{id}/access_tokens", create_token),
    route("GET", "/repos/{owner}/{name}/installation", get_repository_installation),
    route("GET", "/installation/repositories", list_installation_repositories),
]
