"""REST endpoints for deployments: GitHub's own record of what went to which environment."""

from dataclasses import replace

from starlette.responses import JSONResponse, Response

from deployments.sandbox.github.api import Call, Refused, invalid, page_of, route
from deployments.sandbox.github.records import Deployment, DeploymentStatus, Permission, timestamp
from deployments.sandbox.github.views import JSON, node_id, user_view

_STATES = ("error", "failure", "inactive", "in_progress", "queued", "pending", "success")
_DESCRIPTION_LIMIT = 140


def create_deployment(call: Call) -> Response:
    """POST /repos/{owner}/{name}/deployments.

    `required_contexts` are the statuses that must be success, all by default; `auto_merge` must be off in the sandbox.
    """
    ref = call.text("ref", "Deployment", required=True) or ""
    sha = call.repository.git.resolve(ref)
    if sha is None:
        raise Refused(422, f"No ref found for: {ref}")
    if call.body.get("auto_merge", True) and call.repository.git.head(ref) and _is_behind(call, sha):
        raise Refused(409, f"Conflict merging {call.repository.default_branch} into {ref}.")
    _require_contexts(call, ref, sha)
    environment = call.text("environment", "Deployment") or "production"
    deployment = Deployment(
        id=call.state.next_number(),
        sha=sha,
        ref=ref,
        task=call.text("task", "Deployment") or "deploy",
        environment=environment,
        description=call.text("description", "Deployment"),
        payload=call.body.get("payload") or {},
        creator=call.actor,
        transient_environment=call.body.get("transient_environment") is True,
        production_environment=call.body.get("production_environment", environment == "production") is True,
        created_at=timestamp(),
    )
    call.repository.deployments.append(deployment)
    return JSONResponse(_view(call, deployment), 201)


def _is_behind(call: Call, sha: str) -> bool:
    main = call.repository.git.head(call.repository.default_branch)
    return main is not None and not call.repository.git.is_ancestor(main, sha)


def _require_contexts(call: Call, ref: str, sha: str) -> None:
    states = {status.context: status.state for status in call.repository.statuses if status.sha == sha}
    required = call.body.get("required_contexts")
    missing = [context for context in (states if required is None else required) if states.get(context) != "success"]
    if missing:
        errors = [{"contexts": [{"context": one, "state": states.get(one, "missing")} for one in missing]}]
        raise Refused(409, f"Conflict: Commit status checks failed for {ref}.", errors)


def list_deployments(call: Call) -> Response:
    """GET /repos/{owner}/{name}/deployments?sha=&ref=&task=&environment=: newest first."""
    wanted = {name: call.query[name] for name in ("sha", "ref", "task", "environment") if name in call.query}
    found = [
        deployment
        for deployment in reversed(call.repository.deployments)
        if all(getattr(deployment, name) == value for name, value in wanted.items())
    ]
    shown, headers = page_of(call, found)
    return JSONResponse([_view(call, deployment) for deployment in shown], headers=headers)


def get_deployment(call: Call) -> Response:
    """GET /repos/{owner}/{name}/deployments/{id}."""
    return JSONResponse(_view(call, _find(call)))


def create_deployment_status(call: Call) -> Response:
    """POST /repos/{owner}/{name}/deployments/{id}/statuses; a success makes earlier ones there inactive."""
    deployment, resource = _find(call), "DeploymentStatus"
    if call.body.get("state") not in _STATES:
        raise invalid(resource, "state")
    description = call.text("description", resource) or ""
    if len(description) > _DESCRIPTION_LIMIT:
        text = f"description is too long (maximum is {_DESCRIPTION_LIMIT} characters)"
        raise invalid(resource, "description", message=text)
    status = DeploymentStatus(
        id=call.state.next_number(),
        state=call.body["state"],
        creator=call.actor,
        description=description,
        environment=call.text("environment", resource) or deployment.environment,
        target_url=call.text("log_url", resource) or call.text("target_url", resource) or "",
        environment_url=call.text("environment_url", resource) or "",
        created_at=timestamp(),
    )
    if status.state == "success" and call.body.get("auto_inactive", True):
        _retire_others(call, deployment, status)
    deployment.statuses.append(status)
    return JSONResponse(_status_view(call, deployment, status), 201)


def _retire_others(call: Call, deployment: Deployment, status: DeploymentStatus) -> None:
    for other in call.repository.deployments:
        is_same_place = other is not deployment and other.environment == deployment.environment
        is_kept = other.transient_environment or other.production_environment or not other.statuses
        if is_same_place and not is_kept and other.statuses[-1].state != "inactive":
            other.statuses.append(replace(status, id=call.state.next_number(), state="inactive"))


def list_deployment_statuses(call: Call) -> Response:
    """GET /repos/{owner}/{name}/deployments/{id}/statuses: newest first."""
    deployment = _find(call)
    statuses, headers = page_of(call, deployment.statuses[::-1])
    return JSONResponse([_status_view(call, deployment, status) for status in statuses], headers=headers)


def _find(call: Call) -> Deployment:
    for deployment in call.repository.deployments:
        if str(deployment.id) == call.path["id"]:
            return deployment
    raise Refused(404, "Not Found")


def _view(call: Call, deployment: Deployment) -> JSON:
    url = f"{call.repository_url}/deployments/{deployment.id}"
    fields = ("id", "sha", "ref", "task", "payload", "environment", "description", "created_at")
    return {
        "url": url,
        "node_id": node_id("Deployment", deployment.id),
        **{field: getattr(deployment, field) for field in fields},
        "original_environment": deployment.environment,
        "creator": user_view(call.web, deployment.creator),
        "updated_at": deployment.statuses[-1].created_at if deployment.statuses else deployment.created_at,
        "statuses_url": f"{url}/statuses",
        "repository_url": call.repository_url,
        "transient_environment": deployment.transient_environment,
        "production_environment": deployment.production_environment,
    }


def _status_view(call: Call, deployment: Deployment, status: DeploymentStatus) -> JSON:
    url = f"{call.repository_url}/deployments/{deployment.id}"
    fields = ("id", "state", "description", "environment", "target_url", "environment_url", "created_at")
    return {
        "url": f"{url}/statuses/{status.id}",
        "node_id": node_id("DeploymentStatus", status.id),
        **{field: getattr(status, field) for field in fields},
        "log_url": status.target_url,
        "creator": user_view(call.web, status.creator),
        "updated_at": status.created_at,
        "deployment_url": url,
        "repository_url": call.repository_url,
    }


_DEPLOYMENTS = "/repos/{owner}/{name}/deployments"
ROUTES = [
    route("POST", _DEPLOYMENTS, create_deployment, Permission.WRITE),
    route("GET", _DEPLOYMENTS, list_deployments, Permission.READ),
    route("GET", f"{_DEPLOYMENTS}/{{id}}", get_deployment, Permission.READ),
    route("POST", f"{_DEPLOYMENTS}/{{id}}/statuses", create_deployment_status, Permission.WRITE),
    route("GET", f"{_DEPLOYMENTS}/{{id}}/statuses", list_deployment_statuses, Permission.READ),
]
