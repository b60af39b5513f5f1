"""Which manifests the cluster takes, and what it says to the others: like an API server, with shorter rules.

A field whose effect this cluster cannot give is refused rather than ignored. The outside rules are those of
https://kubernetes.io/docs/reference/kubernetes-api/.
"""

import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from deployments.sandbox.cluster.state import Object
from tasks.domain.errors import InvalidImageReference
from tasks.domain.image import parse_image

_VERSIONS = {"Deployment": "apps/v1", "Service": "v1", "ConfigMap": "v1"}
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_NOT_HERE = "is not supported by the sandbox's cluster; leave it out, or use a real one"
_UNSUPPORTED_IN_DEPLOYMENT = ("paused", "minReadySeconds")
_UNSUPPORTED_IN_POD = ("initContainers", "volumes", "hostNetwork")
_UNSUPPORTED_IN_CONTAINER = ("startupProbe", "lifecycle", "volumeMounts")


class ApiError(ValueError):
    """The API server's refusal: `code` is the HTTP status and `reason` the word for it that Kubernetes uses."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason


def admit(manifest: Object, live: Object | None) -> Object:
    """The manifest with its namespace filled in; `live` is the object it would change. Raises ApiError."""
    if not isinstance(manifest, dict):
        raise ApiError(400, "BadRequest", "the manifest is not a mapping")
    kind, version = manifest.get("kind"), manifest.get("apiVersion")
    if _VERSIONS.get(str(kind)) != version:
        raise ApiError(404, "NotFound", f'no matches for kind "{kind}" in version "{version}"')
    new = deepcopy(manifest)
    new["metadata"] = _declared_metadata(manifest)
    new.pop("status", None)
    faults = list(_faults(new, live))
    if faults:
        name, listed = new["metadata"]["name"], faults[0] if len(faults) == 1 else f"[{', '.join(faults)}]"
        raise ApiError(422, "Invalid", f'{kind} "{name}" is invalid: {listed}')
    return new


def _declared_metadata(manifest: Object) -> Object:
    metadata = manifest.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if not isinstance(metadata, dict) or not isinstance(name, str):
        raise ApiError(422, "Invalid", f"{manifest['kind']} is invalid: metadata.name: Required value")
    if not _NAME.fullmatch(name):
        message = f'metadata.name: Invalid value: "{name}": use a-z, 0-9 and "-"'
        raise ApiError(422, "Invalid", f'{manifest["kind"]} "{name}" is invalid: {message}')
    namespace = metadata.get("namespace") or "default"
    # The namespace becomes a folder's name.
    if not isinstance(namespace, str) or not _NAME.fullmatch(namespace):
        raise ApiError(422, "Invalid", f'metadata.namespace: Invalid value: "{namespace}": use a-z, 0-9 and "-"')
    kept = {field: metadata[field] for field in ("labels", "annotations") if metadata.get(field)}
    return {"name": name, "namespace": namespace, **kept}


def _faults(new: Object, live: Object | None) -> Iterator[str]:
    for field in ("labels", "annotations"):
        yield from _not_texts(new["metadata"].get(field, {}), f"metadata.{field}")
    match new["kind"]:
        case "ConfigMap":
            yield from _not_texts(new.get("data") or {}, "data")
        case _ if not isinstance(new.get("spec"), dict):
            yield "spec: Required value"
        case "Service":
            yield from _service_faults(new["spec"])
        case "Deployment":
            yield from _deployment_faults(new["spec"], live)


def _service_faults(spec: Object) -> Iterator[str]:
    ports = spec.get("ports")
    if not isinstance(ports, list) or len(ports) != 1 or not isinstance(ports[0].get("port"), int):
        yield "spec.ports: Invalid value: exactly one port is supported by the sandbox's cluster"
    if spec.get("type", "ClusterIP") != "ClusterIP":
        yield f"spec.type: {spec['type']} {_NOT_HERE}"
    if not spec.get("selector"):
        yield "spec.selector: Required value: services without a selector are not supported by the sandbox's cluster"


def _deployment_faults(spec: Object, live: Object | None) -> Iterator[str]:
    selector = (spec.get("selector") or {}).get("matchLabels")
    template = spec.get("template") or {}
    labels = (template.get("metadata") or {}).get("labels") or {}
    if not selector:
        yield "spec.selector.matchLabels: Required value"
    elif not selector.items() <= labels.items():
        yield f"spec.template.metadata.labels: Invalid value: {labels}: `selector` does not match template `labels`"
    if live is not None and live["spec"]["selector"] != spec.get("selector"):
        yield f"spec.selector: Invalid value: {spec.get('selector')}: field is immutable"
    replicas = spec.get("replicas", 1)
    if not isinstance(replicas, int) or isinstance(replicas, bool) or replicas < 0:
        yield f"spec.replicas: Invalid value: {replicas}: must be a number that is not negative"
    if (spec.get("strategy") or {}).get("type", "RollingUpdate") != "RollingUpdate":
        yield f"spec.strategy.type: {spec['strategy']['type']} {_NOT_HERE}"
    yield from (f"spec.{field}: {_NOT_HERE}" for field in _UNSUPPORTED_IN_DEPLOYMENT if spec.get(field))
    yield from _pod_faults(template.get("spec") or {}, "spec.template.spec")


def _pod_faults(spec: Object, path: str) -> Iterator[str]:
    yield from (f"{path}.{field}: {_NOT_HERE}" for field in _UNSUPPORTED_IN_POD if spec.get(field))
    if spec.get("restartPolicy", "Always") != "Always":
        yield f'{path}.restartPolicy: Unsupported value: "{spec["restartPolicy"]}": supported values: "Always"'
    containers = spec.get("containers")
    if not isinstance(containers, list) or len(containers) != 1 or not isinstance(containers[0], dict):
        yield f"{path}.containers: Invalid value: exactly one container is supported by the sandbox's cluster"
        return
    yield from _container_faults(containers[0], f"{path}.containers[0]")


def _container_faults(container: Object, path: str) -> Iterator[str]:
    if not isinstance(container.get("name"), str) or not _NAME.fullmatch(container["name"]):
        yield f"{path}.name: Required value: use a-z, 0-9 and '-'"
    try:
        parse_image(str(container.get("image", "")))
    except InvalidImageReference as problem:
        yield f"{path}.image: Invalid value: {problem}"
    yield from (f"{path}.{field}: {_NOT_HERE}" for field in _UNSUPPORTED_IN_CONTAINER if container.get(field))
    if len(container.get("ports") or []) > 1:
        yield f"{path}.ports: more than one port {_NOT_HERE}"
    for index, variable in enumerate(container.get("env") or []):
        yield from _variable_faults(variable, f"{path}.env[{index}]")
    for index, source in enumerate(container.get("envFrom") or []):
        if set(source) != {"configMapRef"}:
            yield f"{path}.envFrom[{index}]: a source that is no configMapRef {_NOT_HERE}"
    for probe in ("readinessProbe", "livenessProbe"):
        if container.get(probe) and not container[probe].get("httpGet"):
            yield f"{path}.{probe}: a probe without httpGet {_NOT_HERE}"


def _variable_faults(variable: Object, path: str) -> Iterator[str]:
    if not isinstance(variable.get("name"), str):
        yield f"{path}.name: Required value"
    if "value" in variable and not isinstance(variable["value"], str):
        yield f"{path}.value: Invalid value: {variable['value']}: must be a string; quote it"
    if "valueFrom" in variable and set(variable["valueFrom"]) != {"configMapKeyRef"}:
        yield f"{path}.valueFrom: a source that is no configMapKeyRef {_NOT_HERE}"


def _not_texts(values: Any, path: str) -> Iterator[str]:
    if not isinstance(values, dict):
        yield f"{path}: Invalid value: must be a mapping"
        return
    for key, value in values.items():
        if not isinstance(value, str):
            yield f"{path}.{key}: Invalid value: {value}: must be a string; quote it"
