"""Promotions as deployments on GitHub, so that the repository's page shows its environments.

https://docs.github.com/rest/deployments/deployments, https://docs.github.com/rest/deployments/statuses
"""

import json
from typing import Any

import httpx

from blocks.github import GitHub
from tasks.domain.feedback.deployment import DeploymentNote, DeploymentState
from tasks.github.api import send
from tasks.retry import outside_task

_RIGHT = "deployments"
# One of the last few is the release before; older ones were retired when that one came.
_LOOKED_AT = 10


@outside_task("deployment to {note.environment}: {state}")
def tell_deployment(github: GitHub, repository: str, note: DeploymentNote, state: DeploymentState, said: str) -> None:
    """Make GitHub show the promotion in this state; one of the same flow run is adopted.

    Where it succeeded, the release before it is shown as inactive, which GitHub does by itself for other environments
    than production only. Raises AccessRefused.
    """
    path = f"/repos/{repository}/deployments"
    with github.get_client(repository) as client:
        known = _list(client, path, {"environment": note.environment, "task": note.task, "per_page": str(_LOOKED_AT)})
        mine = next((one for one in known if _is_of(one, note)), None)
        if mine is None:
            request = client.build_request("POST", path, json=note.body)
            mine = send(client, request, right=f"{_RIGHT}: write").json()
        _set_state(client, path, mine, note.status(state, said))
        if state is DeploymentState.SUCCESS:
            _retire_earlier(client, path, [one for one in known if one["id"] != mine["id"]], note)


def _retire_earlier(client: httpx.Client, path: str, earlier: list[dict[str, Any]], note: DeploymentNote) -> None:
    for one in earlier:
        newest = _newest_status(client, path, one)
        if newest and newest["state"] == DeploymentState.SUCCESS:
            said = f"{note.commit[:7]} took its place."
            _set_state(client, path, one, note.status(DeploymentState.INACTIVE, said))
            return


def _set_state(client: httpx.Client, path: str, deployment: dict[str, Any], wanted: dict[str, object]) -> None:
    newest = _newest_status(client, path, deployment)
    if newest and all(newest.get(name) == wanted[name] for name in ("state", "description")):
        return
    request = client.build_request("POST", f"{path}/{deployment['id']}/statuses", json=wanted)
    send(client, request, right=f"{_RIGHT}: write")


def _newest_status(client: httpx.Client, path: str, deployment: dict[str, Any]) -> dict[str, Any] | None:
    found = _list(client, f"{path}/{deployment['id']}/statuses", {"per_page": "1"})
    return found[0] if found else None


def _list(client: httpx.Client, path: str, query: dict[str, str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = send(
        client, client.build_request("GET", path, params=query), right=f"{_RIGHT}: read"
    ).json()
    return found


def _is_of(deployment: dict[str, Any], note: DeploymentNote) -> bool:
    payload = deployment.get("payload") or {}
    if isinstance(payload, str):
        try:
            payload = json.loads(payload)
        except ValueError:
            return False
    is_same = deployment["sha"] == note.commit and isinstance(payload, dict)
    return bool(is_same and payload.get("run") == note.run_id and payload.get("digest") == note.digest)
