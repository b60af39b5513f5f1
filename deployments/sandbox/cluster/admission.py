"""Which manifests the cluster takes, and what it says to the others: like an API server, with shorter rules.

A field whose effect this cluster cannot give is refused rather than ignored. The outside rules are those of
https://kubernetes.io/docs/reference/kubernetes-api/.
"""

from collections.abc import Callable, Iterator
from typing import Any

from deployments.sandbox.cluster.pod_admission import NAME, NOT_HERE, not_numbers, not_texts, pod_faults
from deployments.sandbox.cluster.progressive_admission import strategy_faults
from deployments.sandbox.cluster.state import Object

_VERSIONS = {"Deployment": "apps/v1", "Rollout": "argoproj.io/v1alpha1", "Service": "v1", "ConfigMap": "v1"}
_UNSUPPORTED_IN_DEPLOYMENT = ("paused", "minReadySeconds")


class ApiError(ValueError):
    """The API server's refusal: `code` is the HTTP status and `reason` the word for it that Kubernetes uses."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason


def admit(manifest: Object, find: Callable[[str, str, str], Object | None]) -> Object:
    """The manifest with its namespace filled in and nulls left out; `find` gives the live object. Raises ApiError."""
    if not isinstance(manifest, dict):
        raise ApiError(400, "BadRequest", "the manifest is not a mapping")
    kind, version = manifest.get("kind"), manifest.get("apiVersion")
    if _VERSIONS.get(str(kind)) != version:
        raise ApiError(404, "NotFound", f'no matches for kind "{kind}" in version "{version}"')
    new: Object = _without_nulls(manifest)
    new["metadata"] = _declared_metadata(new)
    new.pop("status", None)
    try:
        faults = list(_faults(new, find(new["kind"], new["metadata"]["namespace"], new["metadata"]["name"])))
    except (AttributeError, KeyError, TypeError, ValueError) as problem:
        # A mapping where a list should be, and so on: an API server cannot read it either.
        raise ApiError(400, "BadRequest", f'{kind} in version "{version}" cannot be handled: {problem!r}') from problem
    if faults:
        name, listed = new["metadata"]["name"], faults[0] if len(faults) == 1 else f"[{', '.join(faults)}]"
        raise ApiError(422, "Invalid", f'{kind} "{name}" is invalid: {listed}')
    return new


def _without_nulls(value: Any) -> Any:
    # To an API server, null is the same as nothing.
    if isinstance(value, dict):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value


def _declared_metadata(manifest: Object) -> Object:
    metadata = manifest.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if not isinstance(metadata, dict) or not isinstance(name, str):
        raise ApiError(422, "Invalid", f"{manifest['kind']} is invalid: metadata.name: Required value")
    if not NAME.fullmatch(name):
        message = f'metadata.name: Invalid value: "{name}": use a-z, 0-9 and "-"'
        raise ApiError(422, "Invalid", f'{manifest["kind"]} "{name}" is invalid: {message}')
    namespace = metadata.get("namespace") or "default"
    # The namespace becomes a folder's name.
    if not isinstance(namespace, str) or not NAME.fullmatch(namespace):
        raise ApiError(422, "Invalid", f'metadata.namespace: Invalid value: "{namespace}": use a-z, 0-9 and "-"')
    kept = {field: metadata[field] for field in ("labels", "annotations") if metadata.get(field)}
    return {"name": name, "namespace": namespace, **kept}


def _faults(new: Object, live: Object | None) -> Iterator[str]:
    for field in ("labels", "annotations"):
        yield from not_texts(new["metadata"].get(field, {}), f"metadata.{field}")
    match new["kind"]:
        case "ConfigMap":
            yield from not_texts(new.get("data") or {}, "data")
        case _ if not isinstance(new.get("spec"), dict):
            yield "spec: Required value"
        case "Service":
            yield from _service_faults(new["spec"])
        case "Deployment":
            yield from _deployment_faults(new["spec"], live)
        case "Rollout":
            yield from _deployment_faults(new["spec"] | {"strategy": {}}, live)
            yield from strategy_faults(new["spec"].get("strategy") or {})


def _service_faults(spec: Object) -> Iterator[str]:
    ports = spec.get("ports")
    if not isinstance(ports, list) or len(ports) != 1 or not isinstance(ports[0].get("port"), int):
        yield "spec.ports: Invalid value: exactly one port is supported by the sandbox's cluster"
    if spec.get("type", "ClusterIP") != "ClusterIP":
        yield f"spec.type: {spec['type']} {NOT_HERE}"
    if not spec.get("selector"):
        yield "spec.selector: Required value: services without a selector are not supported by the sandbox's cluster"


def _deployment_faults(spec: Object, live: Object | None) -> Iterator[str]:
    selector = (spec.get("selector") or {}).get("matchLabels")
    template = spec.get("template") or {}
    labels = (template.get("metadata") or {}).get("labels") or {}
    yield from not_texts(labels, "spec.template.metadata.labels")
    yield from not_numbers(spec, "spec", "replicas", "revisionHistoryLimit", of=int)
    yield from not_numbers(spec, "spec", "progressDeadlineSeconds", of=int | float)
    if not selector:
        yield "spec.selector.matchLabels: Required value"
    elif not selector.items() <= labels.items():
        yield f"spec.template.metadata.labels: Invalid value: {labels}: `selector` does not match template `labels`"
    if live is not None and live["spec"]["selector"] != spec.get("selector"):
        yield f"spec.selector: Invalid value: {spec.get('selector')}: field is immutable"
    if (spec.get("strategy") or {}).get("type", "RollingUpdate") != "RollingUpdate":
        yield f"spec.strategy.type: {spec['strategy']['type']} {NOT_HERE}"
    yield from (f"spec.{field}: {NOT_HERE}" for field in _UNSUPPORTED_IN_DEPLOYMENT if spec.get(field))
    yield from pod_faults(template.get("spec") or {}, "spec.template.spec")
