"""SonarQube's web API over a SonarQubeState (https://docs.sonarsource.com/sonarqube-server/extension-guide/web-api)."""

import base64
import binascii
import html
import re
from collections.abc import Callable
from email.parser import BytesParser
from email.policy import HTTP

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from deployments.sandbox.sonarqube.engine import JRE_ID, engine, jre, jre_view
from deployments.sandbox.sonarqube.records import Analysis, Task, moment
from deployments.sandbox.sonarqube.state import Right, SonarQubeState

VERSION = "10.8.0"
_PROJECT_KEY = re.compile(r"(?=.*[^0-9])[A-Za-z0-9_.:-]{1,400}")


class Refused(Exception):
    """An error answer in SonarQube's form."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


Endpoint = Callable[[SonarQubeState, Request, bytes], Response]


def create_app(state: SonarQubeState) -> Starlette:
    """The ASGI application; the API is below `/api`."""
    routes = [
        _route("GET", "/api/system/status", _system_status),
        _route("GET", "/api/server/version", _version),
        _route("GET", "/api/authentication/validate", _validate),
        _route("POST", "/api/ce/submit", _submit),
        _route("GET", "/api/ce/task", _task),
        _route("GET", "/api/ce/component", _component),
        _route("GET", "/api/project_analyses/search", _analyses),
        _route("GET", "/api/settings/values", _settings),
        _route("GET", "/api/v2/analysis/version", _version),
        _route("GET", "/api/v2/analysis/engine", _engine),
        _route("GET", "/api/v2/analysis/jres", _jres),
        _route("GET", "/api/v2/analysis/jres/{id}", _jre),
        _route("GET", "/api/qualitygates/project_status", _project_status),
        _route("GET", "/dashboard", _dashboard),
    ]
    application = Starlette(
        routes=routes, middleware=[Middleware(_OrderedAnswers, state=state)], exception_handlers={404: _unknown}
    )
    application.state.sonarqube = state
    return application


def _route(method: str, path: str, endpoint: Endpoint) -> Route:
    async def answer(request: Request) -> Response:
        raw = await request.body()
        try:
            return await run_in_threadpool(endpoint, request.app.state.sonarqube, request, raw)
        except Refused as refused:
            return _error(refused.status, str(refused))

    return Route(path, answer, methods=[method])


def _error(status: int, message: str) -> Response:
    return JSONResponse({"errors": [{"msg": message}]}, status)


async def _unknown(request: Request, _: Exception) -> Response:
    return _error(404, f"Unknown url : {request.url.path}")


def _system_status(_: SonarQubeState, __: Request, ___: bytes) -> Response:
    return JSONResponse({"id": "SANDBOX", "version": VERSION, "status": "UP"})


def _version(_: SonarQubeState, __: Request, ___: bytes) -> Response:
    return PlainTextResponse(VERSION)


def _validate(state: SonarQubeState, request: Request, _: bytes) -> Response:
    """Answers 200 with `valid` in any case, as SonarQube does."""
    token = _token(request)
    return JSONResponse({"valid": token is not None and state.rights_of(token) is not None})


def _submit(state: SonarQubeState, request: Request, raw: bytes) -> Response:
    """Take a report, sent as the form field `report` as the real scanner does it."""
    _require(state, request, Right.EXECUTE_ANALYSIS)
    key = _parameter(request, "projectKey")
    if not _PROJECT_KEY.fullmatch(key):
        raise Refused(
            400,
            f"Malformed key for Project: '{key}'. Allowed characters are alphanumeric, '-', '_', '.' and ':',"
            " with at least one non-digit.",
        )
    told = dict(one.partition("=")[::2] for one in request.query_params.getlist("characteristic"))
    task = state.submit(key, _report(request.headers.get("content-type", ""), raw), told.get("pullRequest"))
    return JSONResponse({"taskId": task.id, "projectId": key})


def _report(content_type: str, raw: bytes) -> bytes:
    message = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode() + raw)
    for part in message.iter_parts() if message.is_multipart() else ():
        if part.get_param("name", header="content-disposition") == "report":
            content = part.get_payload(decode=True)
            return content if isinstance(content, bytes) else b""
    raise Refused(400, "The 'report' parameter is missing")


def _task(state: SonarQubeState, request: Request, _: bytes) -> Response:
    _require(state, request, Right.EXECUTE_ANALYSIS | Right.BROWSE)
    task_id = _parameter(request, "id")
    task = state.task(task_id)
    if task is None:
        raise Refused(404, f"No activity found for task '{task_id}'")
    return JSONResponse({"task": _task_view(state, task)})


def _task_view(state: SonarQubeState, task: Task) -> dict[str, object]:
    has_started, has_ended = task.status != "PENDING", task.status in ("SUCCESS", "FAILED")
    half = state.processing_seconds / 2
    return {
        "id": task.id,
        "type": "REPORT",
        "componentKey": task.project,
        "componentName": task.project,
        "componentQualifier": "TRK",
        "status": task.status,
        **({"pullRequest": task.pull_request} if task.pull_request else {}),
        "submittedAt": moment(task.submitted),
        **({"startedAt": moment(task.submitted + half)} if has_started else {}),
        **({"executedAt": moment(task.submitted + 2 * half), "executionTimeMs": int(half * 1000)} if has_ended else {}),
        **({"analysisId": task.analysis} if task.analysis else {}),
        **({"errorMessage": task.error} if task.status == "FAILED" else {}),
        "hasScannerContext": False,
        "warningCount": 0,
        "warnings": [],
    }


def _component(state: SonarQubeState, request: Request, _: bytes) -> Response:
    """What of a project is not computed yet."""
    _require(state, request, Right.BROWSE)
    project = _known_project(state, _parameter(request, "component"))
    return JSONResponse({"queue": [_task_view(state, task) for task in state.queue(project)]})


def _analyses(state: SonarQubeState, request: Request, _: bytes) -> Response:
    """The analyses of a project's main branch; those of pull requests are not to be had here."""
    _require(state, request, Right.BROWSE)
    found = state.main_analyses(_known_project(state, _parameter(request, "project")))
    paging = {"pageIndex": 1, "pageSize": 100, "total": len(found)}
    return JSONResponse({"paging": paging, "analyses": [_analysis_view(one) for one in found[:100]]})


def _analysis_view(analysis: Analysis) -> dict[str, object]:
    revision = analysis.metadata.revision
    return {
        "key": analysis.id,
        "date": moment(analysis.computed),
        "manualNewCodePeriodBaseline": False,
        **({"revision": revision} if revision else {}),
        "events": [],
    }


def _known_project(state: SonarQubeState, key: str) -> str:
    if not state.has_project(key):
        raise Refused(404, f"Component key '{key}' not found")
    return key


def _settings(state: SonarQubeState, request: Request, _: bytes) -> Response:
    """Only the setting with which a server says how people call it."""
    key = "sonar.core.serverBaseURL"
    is_asked = key in _parameter(request, "keys").split(",")
    known = [{"key": key, "value": state.public_url, "inherited": False}] if is_asked and state.public_url else []
    return JSONResponse({"settings": known})


def _engine(state: SonarQubeState, request: Request, _: bytes) -> Response:
    _require(state, request, Right.EXECUTE_ANALYSIS | Right.BROWSE)
    return _download(request, engine().content, engine().view())


def _jres(state: SonarQubeState, request: Request, _: bytes) -> Response:
    _require(state, request, Right.EXECUTE_ANALYSIS | Right.BROWSE)
    return JSONResponse([jre_view(_parameter(request, "os"), _parameter(request, "arch"))])


def _jre(state: SonarQubeState, request: Request, _: bytes) -> Response:
    _require(state, request, Right.EXECUTE_ANALYSIS | Right.BROWSE)
    if request.path_params["id"] != JRE_ID:
        raise Refused(404, f"JRE not found: {request.path_params['id']}")
    return _download(request, jre().content, jre_view("linux", "x64"))


def _download(request: Request, content: bytes, view: dict[str, str]) -> Response:
    if request.headers.get("accept") == "application/octet-stream":
        return Response(content, media_type="application/octet-stream")
    return JSONResponse(view)


def _project_status(state: SonarQubeState, request: Request, _: bytes) -> Response:
    _require(state, request, Right.BROWSE)
    given = {name: request.query_params[name] for name in ("analysisId", "projectKey") if name in request.query_params}
    if len(given) != 1:
        raise Refused(400, "Either 'analysisId', 'projectId' or 'projectKey' must be provided")
    if "analysisId" in given:
        analysis = state.analyses.get(given["analysisId"])
        if analysis is None:
            raise Refused(404, f"Analysis with id '{given['analysisId']}' is not found")
    else:
        analysis = state.last_analysis(given["projectKey"])
        if not state.has_project(given["projectKey"]):
            raise Refused(404, f"Project '{given['projectKey']}' not found")
    nothing_yet = {"status": "NONE", "conditions": [], "ignoredConditions": False, "caycStatus": "non-compliant"}
    return JSONResponse({"projectStatus": analysis.gate if analysis else nothing_yet})


def _dashboard(state: SonarQubeState, request: Request, _: bytes) -> Response:
    """A plain page with the last measures, so that links lead somewhere."""
    project = request.query_params.get("id", "")
    analysis = state.last_analysis(project)
    if analysis is None:
        return HTMLResponse("<!doctype html><title>Not found</title><p>No analysis yet.</p>", 404)
    rows = "".join(f"<tr><td>{key}</td><td>{value}</td></tr>" for key, value in analysis.values.items())
    name = html.escape(project)
    return HTMLResponse(
        f"<!doctype html><title>{name}</title><h1>{name}</h1>"
        f"<p>Quality gate: {analysis.gate['status']}</p><table>{rows}</table>"
    )


def _require(state: SonarQubeState, request: Request, rights: Right) -> None:
    """Any of `rights` is enough."""
    token = _token(request)
    allowed = state.rights_of(token) if token else None
    if allowed is None:
        raise Refused(401, "Authentication is required")
    if not allowed & rights:
        raise Refused(403, "Insufficient privileges")


def _token(request: Request) -> str | None:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() != "basic":
        return None
    try:
        # The token is the user's name, without a password.
        return base64.b64decode(value, validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return None


def _parameter(request: Request, name: str) -> str:
    value = request.query_params.get(name)
    if not value:
        raise Refused(400, f"The '{name}' parameter is missing")
    return value


class _OrderedAnswers:
    """Gives the answers that a test has ordered instead of the real ones."""

    def __init__(self, app: ASGIApp, state: SonarQubeState) -> None:
        self._app, self._state = app, state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        status = self._state.faults.take(scope["path"]) if scope["type"] == "http" else None
        if status is None:
            await self._app(scope, receive, send)
        else:
            await _error(status, "ordered by a test")(scope, receive, send)
