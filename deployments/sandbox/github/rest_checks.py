"""REST endpoints for check runs, which only a GitHub App may write."""

from typing import Any

from starlette.responses import JSONResponse, Response

from deployments.sandbox.github.api import Call, Refused, invalid, page_of, route
from deployments.sandbox.github.records import CheckRun, Permission, Repository, timestamp
from deployments.sandbox.github.views import JSON, node_id, repository_url

_STATUSES = ("queued", "in_progress", "completed")
_CONCLUSIONS = ("action_required", "cancelled", "failure", "neutral", "skipped", "success", "timed_out")
_LEVELS = ("notice", "warning", "failure")
_ANNOTATIONS_A_REQUEST = 50
_TEXT_LIMIT = 65535
_ACTIONS = 3
# Field of an action -> the longest that GitHub takes.
_ACTION_LIMITS = {"label": 20, "description": 40, "identifier": 20}
_RESOURCE = "CheckRun"


def create_check_run(call: Call) -> Response:
    """POST /repos/{owner}/{name}/check-runs."""
    _require_app(call)
    name, sha = call.text("name", _RESOURCE, required=True), call.text("head_sha", _RESOURCE, required=True)
    commit = call.commit(sha or "")
    run = CheckRun(id=call.state.next_number(), app=call.actor, head_sha=commit.sha, name=name or "")
    _apply(call, run)
    call.repository.check_runs.append(run)
    return JSONResponse(_view(call, run), 201)


def update_check_run(call: Call) -> Response:
    """PATCH /repos/{owner}/{name}/check-runs/{id}: annotations are added to those that are there."""
    _require_app(call)
    run = _find(call)
    if run.app != call.actor:
        raise Refused(403, "Invalid app_id - check run can only be modified by the GitHub App that created it.")
    _apply(call, run)
    return JSONResponse(_view(call, run))


def get_check_run(call: Call) -> Response:
    """GET /repos/{owner}/{name}/check-runs/{id}."""
    return JSONResponse(_view(call, _find(call)))


def list_annotations(call: Call) -> Response:
    """GET /repos/{owner}/{name}/check-runs/{id}/annotations."""
    annotations, headers = page_of(call, _find(call).annotations)
    return JSONResponse(annotations, headers=headers)


def list_check_runs(call: Call) -> Response:
    """GET /repos/{owner}/{name}/commits/{ref}/check-runs?check_name=&status=&filter=: the latest of each name."""
    sha = call.commit(call.path["ref"]).sha
    wanted = {"name": call.query.get("check_name"), "status": call.query.get("status")}
    app_id = call.query.get("app_id")
    runs = [run for run in call.repository.check_runs if run.head_sha == sha and app_id in (None, str(run.app.id))]
    if call.query.get("filter", "latest") == "latest":
        runs = list({(run.app.id, run.name): run for run in runs}.values())
    runs = [run for run in runs if all(value in (None, getattr(run, field)) for field, value in wanted.items())]
    shown, headers = page_of(call, runs)
    return JSONResponse({"total_count": len(runs), "check_runs": [_view(call, run) for run in shown]}, headers=headers)


def _require_app(call: Call) -> None:
    if not call.actor.is_app:
        raise Refused(403, "You must authenticate via a GitHub App.")


def _find(call: Call) -> CheckRun:
    run = next((run for run in call.repository.check_runs if str(run.id) == call.path["id"]), None)
    if run is None:
        raise Refused(404, "Not Found")
    return run


def _apply(call: Call, run: CheckRun) -> None:
    """Check the whole body, then change the run: a refused request changes nothing."""
    output, actions = _output(call), _actions(call)
    status, conclusion = _state(call, run)
    texts = {field: call.text(field, _RESOURCE) for field in ("name", "external_id", "details_url")}
    moments = {field: call.text(field, _RESOURCE) for field in ("started_at", "completed_at")}
    run.status, run.conclusion = status, conclusion
    run.started_at = moments["started_at"] or run.started_at or timestamp()
    run.completed_at = (moments["completed_at"] or run.completed_at or timestamp()) if conclusion else None
    for field, value in texts.items():
        if value is not None:
            setattr(run, field, value)
    for field in ("title", "summary", "text"):
        if field in output:
            setattr(run, field, output[field])
    run.annotations += output.get("annotations") or []
    run.actions = actions if actions is not None else run.actions


def _state(call: Call, run: CheckRun) -> tuple[str, str | None]:
    conclusion = call.text("conclusion", _RESOURCE)
    status = call.text("status", _RESOURCE) or ("completed" if conclusion else run.status)
    if status not in _STATUSES:
        raise invalid(_RESOURCE, "status")
    if conclusion is not None and conclusion not in _CONCLUSIONS:
        raise invalid(_RESOURCE, "conclusion")
    if status != "completed":
        return status, None
    conclusion = conclusion or run.conclusion
    if conclusion is None:
        raise invalid(_RESOURCE, "conclusion", "missing_field")
    return status, conclusion


def _output(call: Call) -> JSON:
    output = call.body.get("output") or {}
    if not isinstance(output, dict):
        raise invalid(_RESOURCE, "output")
    if output and not {"title", "summary"} <= output.keys():
        raise invalid(_RESOURCE, "output", "missing_field")
    for field in ("summary", "text"):
        if len(output.get(field) or "") > _TEXT_LIMIT:
            raise invalid(_RESOURCE, field, message=f"{field} exceeds a maximum length of {_TEXT_LIMIT}")
    annotations = output.get("annotations") or []
    if len(annotations) > _ANNOTATIONS_A_REQUEST:
        text = f"annotations exceeds a maximum quantity of {_ANNOTATIONS_A_REQUEST}"
        raise invalid(_RESOURCE, "annotations", message=text)
    if not all(_is_annotation(annotation) for annotation in annotations):
        raise invalid(_RESOURCE, "annotations")
    return output


def _is_annotation(annotation: Any) -> bool:
    needed = {"path", "start_line", "end_line", "annotation_level", "message"}
    is_complete = isinstance(annotation, dict) and needed <= annotation.keys()
    return is_complete and annotation["annotation_level"] in _LEVELS


def _actions(call: Call) -> list[JSON] | None:
    actions = call.body.get("actions")
    if actions is None:
        return None
    if not isinstance(actions, list) or len(actions) > _ACTIONS:
        raise invalid(_RESOURCE, "actions")
    for action in actions:
        for field, limit in _ACTION_LIMITS.items():
            if not 0 < len(action.get(field, "")) <= limit:
                raise invalid(_RESOURCE, "actions", message=f"{field} must have 1 to {limit} characters")
    return actions


def _view(call: Call, run: CheckRun) -> JSON:
    return check_run_view(call.web, call.repository, run)


def check_run_view(web: str, repository: Repository, run: CheckRun) -> JSON:
    """A check run as the REST API and the webhooks show it; a fork's pull requests are not listed."""
    url, page = f"{repository_url(web, repository)}/check-runs/{run.id}", f"{web}/{repository.full_name}/runs/{run.id}"
    of_commit = [pull for pull in repository.pull_requests if pull.head_sha == run.head_sha]
    pulls = [pull for pull in of_commit if pull.state == "open" and pull.fork is None]
    return {
        "id": run.id,
        "node_id": node_id("CheckRun", run.id),
        "name": run.name,
        "head_sha": run.head_sha,
        "external_id": run.external_id,
        "url": url,
        "html_url": page,
        "details_url": run.details_url or page,
        "status": run.status,
        "conclusion": run.conclusion,
        "started_at": run.started_at,
        "completed_at": run.completed_at,
        "output": {
            "title": run.title,
            "summary": run.summary,
            "text": run.text,
            "annotations_count": len(run.annotations),
            "annotations_url": f"{url}/annotations",
        },
        "check_suite": {"id": run.app.id},
        "app": {"id": run.app.id, "slug": run.app.login.removesuffix("[bot]"), "name": run.app.name},
        "pull_requests": [{"id": pull.id, "number": pull.number} for pull in pulls],
    }


_REPOSITORY = "/repos/{owner}/{name}"
ROUTES = [
    route("POST", f"{_REPOSITORY}/check-runs", create_check_run, Permission.WRITE),
    route("PATCH", f"{_REPOSITORY}/check-runs/{{id}}", update_check_run, Permission.WRITE),
    route("GET", f"{_REPOSITORY}/check-runs/{{id}}", get_check_run, Permission.READ),
    route("GET", f"{_REPOSITORY}/check-runs/{{id}}/annotations", list_annotations, Permission.READ),
    route("GET", f"{_REPOSITORY}/commits/{{ref:path}}/check-runs", list_check_runs, Permission.READ),
]
