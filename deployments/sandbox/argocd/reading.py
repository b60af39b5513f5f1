"""The endpoints that read an Application."""

import json
from typing import Any

from starlette.responses import Response

from deployments.sandbox.argocd.call import Call, rbac_name
from deployments.sandbox.argocd.clock import timestamp
from deployments.sandbox.argocd.desired import TargetStateError
from deployments.sandbox.argocd.errors import invalid_argument, unknown
from deployments.sandbox.argocd.managed import managed_item, masked
from deployments.sandbox.argocd.repository import RepositoryError
from deployments.sandbox.argocd.resources import Document
from deployments.sandbox.argocd.selection import is_selected, listed
from deployments.sandbox.argocd.source import sources_of
from deployments.sandbox.argocd.store import name_of
from deployments.sandbox.argocd.watch import refreshed


def list_applications(call: Call) -> Document:
    """All that the caller may see, by name; refresh and the health of resources are not for lists."""
    found = [application for application in call.state.store.all() if is_selected(call, application)]
    return listed(found, call.state.store.version, call.request.query_params)


async def get_application(call: Call) -> Document:
    """One Application; with `refresh` it is answered once the controller has compared it again."""
    application = call.application()
    if "refresh" in call.request.query_params:
        kind = "hard" if call.request.query_params["refresh"] == "hard" else "normal"
        application = await refreshed(call, application, kind)
    return call.with_resource_health(json.loads(json.dumps(application)))


def resource_tree(call: Call) -> Document:
    """The tree from the controller's cache."""
    tree = call.state.observation(name_of(call.application())).tree.document()
    tree["nodes"] = [node for node in tree["nodes"] if _matches(call, node)]
    return tree


def managed_resources(call: Call) -> dict[str, Any]:
    """Desired and live state of each managed resource, as texts of JSON, from the last comparison."""
    comparison = call.state.observation(name_of(call.application())).comparison
    items = [managed_item(resource) for resource in comparison.resources] if comparison else []
    return {"items": [item for item in items if _matches(call, item)]}


def manifests(call: Call) -> dict[str, Any]:
    """The desired state at `revision`, or at the target revision without one; nothing is deployed by it."""
    application = call.application()
    target, desired = call.argument("revision"), call.state.parts.desired
    try:
        commits = desired.resolve(application)
        if target:
            first = call.state.repositories.resolve(sources_of(application)[0]["repoURL"], target)
            commits = (first, *commits[1:])
        found = desired.at(application, commits)
    except (TargetStateError, RepositoryError) as error:
        raise unknown(f"error generating manifests: {error}") from error
    destination = application["spec"]["destination"]
    answer = {"manifests": [json.dumps(masked(manifest)) for manifest in found.manifests], "revision": commits[0]}
    answer |= {"namespace": destination.get("namespace", ""), "server": destination.get("server", "")}
    answer |= {"sourceType": found.source_types[0]}
    return {name: value for name, value in answer.items() if value}


def revision_metadata(call: Call) -> dict[str, Any]:
    """Author, date and message of a commit."""
    sources, position = sources_of(call.application()), call.argument("sourceIndex") or "0"
    if not position.isdigit() or int(position) >= len(sources):
        raise invalid_argument(f"source index {position} is out of range")
    try:
        revision = call.request.path_params["revision"]
        found = call.state.repositories.revision(sources[int(position)]["repoURL"], revision)
    except RepositoryError as error:
        raise unknown(f"error getting revision metadata: {error}") from error
    return {"author": found.author, "date": found.date, "message": found.message}


def sync_windows(call: Call) -> dict[str, Any]:
    """The windows that are for the Application; `canSync` is about a sync by hand."""
    application = call.application()
    assigned = call.state.parts.windows_of(application)
    active = call.state.parts.active_windows_of(application)
    answer: dict[str, Any] = {"canSync": call.state.parts.may_sync(application, manual=True)}
    if active:
        answer["activeWindows"] = [window.document() for window in active]
    return answer | ({"assignedWindows": [window.document() for window in assigned]} if assigned else {})


def project(call: Call) -> dict[str, Any]:
    """The AppProject with its windows; to read it is a right of its own."""
    call.caller.require("projects", "get", call.name)
    windows = [window.declaration() for window in call.state.windows.get(call.name, [])]
    spec: dict[str, Any] = {"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}]}
    return {"metadata": {"name": call.name}, "spec": spec | ({"syncWindows": windows} if windows else {})}


def resource(call: Call) -> dict[str, str]:
    """One live object of the Application's tree, as a text of JSON."""
    application, query = call.application(), call.request.query_params
    kind, name, namespace = (query.get(key, "") for key in ("kind", "resourceName", "namespace"))
    nodes = call.state.observation(name_of(application)).tree.nodes
    wanted = (query.get("group", ""), kind, namespace, name)
    known = {tuple(node.get(part, "") for part in ("group", "kind", "namespace", "name")) for node in nodes}
    if wanted in known and (live := call.state.parts.cluster.get(kind, namespace, name)):
        return {"manifest": json.dumps(masked(live))}
    place = f"{kind} {query.get('group', '')} {name}"
    raise invalid_argument(f"{place} not found as part of application {application['metadata']['name']}")


def logs(call: Call) -> Response:
    """What the Application's pods have printed, as lines of JSON; logs are a right of their own since 3.0."""
    application = call.application()
    call.caller.require("logs", "get", rbac_name(application))
    pod = call.request.path_params.get("pod") or call.argument("podName")
    nodes = call.state.observation(name_of(application)).tree.nodes
    pods = [n for n in nodes if n["kind"] == "Pod" and n.get("uid") and pod in ("", n["name"])]
    tail, now = call.argument("tailLines"), timestamp()
    entries: list[dict[str, Any]] = []
    for node in pods:
        lines = call.state.parts.cluster.logs(node["namespace"], node["name"]).splitlines()
        lines = lines[-int(tail) :] if tail.isdigit() and int(tail) else lines
        entries += [{"content": line, "podName": node["name"]} for line in lines]
    entries.append({"last": True})
    results = [{"result": {"timeStamp": now, "timeStampStr": now, **entry}} for entry in entries]
    return Response("".join(f"{json.dumps(result)}\n" for result in results), media_type="application/json")


def events(call: Call) -> dict[str, Any]:
    """Kubernetes events: the sandbox's cluster records none."""
    call.application()
    return {"metadata": {}, "items": []}


def links(call: Call) -> dict[str, Any]:
    """Deep links: none are configured."""
    call.application()
    return {"items": []}


def can_i(call: Call) -> dict[str, str]:
    """Whether the caller has a right: `yes` or `no`."""
    path = call.request.path_params
    return {"value": "yes" if call.caller.may(path["resource"], path["action"], path["subresource"]) else "no"}


def _matches(call: Call, item: Document) -> bool:
    asked = ((part, call.request.query_params.get(part)) for part in ("group", "version", "kind", "namespace", "name"))
    return all(not value or item.get(part) == value for part, value in asked)
