"""Which Applications a list or a stream shows, and which of their fields."""

from typing import Any

from starlette.datastructures import QueryParams

from deployments.sandbox.argocd.call import Call, rbac_name
from deployments.sandbox.argocd.errors import invalid_argument
from deployments.sandbox.argocd.resources import Document
from deployments.sandbox.argocd.source import sources_of

# What `fields` may ask of a list; anything else is left out without a word (server/application, 3.5).
_LISTED = {f"metadata.{f}" for f in ("name", "namespace", "annotations", "labels", "creationTimestamp")}
_LISTED |= {"metadata.deletionTimestamp", "spec", "operation.sync", "status.operationState.operation.sync"}
_LISTED |= {f"spec.{f}" for f in ("destination", "project", "source", "sources", "sourceHydrator", "syncPolicy")}
_LISTED |= {f"status.{f}" for f in ("sourceHydrator", "summary", "health", "resources", "sync.status", "sync.revision")}
_LISTED |= {f"status.operationState.{f}" for f in ("startedAt", "finishedAt", "phase")}


def is_selected(call: Call, application: Document) -> bool:
    """Whether the caller may see it and the query asks for it; what one may not see is left out silently."""
    query, metadata = call.request.query_params, application["metadata"]
    projects = query.getlist("projects") + query.getlist("project")
    return (
        call.caller.may("applications", "get", rbac_name(application))
        and query.get("name") in (None, "", metadata["name"])
        and query.get("appNamespace") in (None, "", metadata["namespace"])
        and (not projects or application["spec"]["project"] in projects)
        and query.get("repo") in (None, "", *(source["repoURL"] for source in sources_of(application)))
        and _labels_match(query.get("selector") or "", metadata.get("labels") or {})
    )


def listed(applications: list[Document], version: str, query: QueryParams) -> Document:
    """The list as it is answered; with `fields` only `items.<field>` of those that may be asked for."""
    answer: Document = {"metadata": {"resourceVersion": version}, "items": applications}
    asked = [field for field in (query.get("fields") or "").split(",") if field]
    if not asked:
        return answer
    wanted = [field for field in asked if not field.startswith("items.") or field.removeprefix("items.") in _LISTED]
    chosen: Document = project_fields(answer, wanted)
    return chosen


def project_fields(value: Any, fields: list[str]) -> Any:
    """Only what the dotted paths name, or all but that where they start with a dash; no path at all is everything."""
    excluded = bool(fields) and fields[0].startswith("-")
    paths = [tuple(field.lstrip("-").split(".")) for field in fields]
    return _project(value, paths, (), excluded=excluded) if paths else value


def _project(value: Any, paths: list[tuple[str, ...]], at: tuple[str, ...], *, excluded: bool) -> Any:
    if isinstance(value, list):
        return [_project(one, paths, at, excluded=excluded) for one in value]
    if not isinstance(value, dict):
        return value
    kept = {}
    for name, inner in value.items():
        here = (*at, name)
        inside = any(here[: len(path)] == path for path in paths)
        on_the_way = any(path[: len(here)] == here for path in paths)
        if inside and not excluded:
            kept[name] = inner
        elif (excluded and not inside) or (not excluded and on_the_way):
            kept[name] = _project(inner, paths, here, excluded=excluded)
    return kept


def _labels_match(selector: str, labels: dict[str, str]) -> bool:
    for term in filter(None, (part.strip() for part in selector.split(","))):
        if "(" in term or " " in term:
            raise invalid_argument(f"the sandbox reads no set selectors such as {term!r}; use key=value")
        name, unequal, value = term.partition("!=")
        if unequal:
            matches = labels.get(name) != value
        elif "=" in term:
            name, _, value = term.partition("=")
            matches = labels.get(name) == value.lstrip("=")
        else:
            matches = (term.lstrip("!") in labels) != term.startswith("!")
        if not matches:
            return False
    return True
