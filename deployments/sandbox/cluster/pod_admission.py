"""What is wrong with the pod in a manifest. Its other half is admission, which asks."""

import re
from collections.abc import Iterator
from typing import Any

from deployments.sandbox.cluster.probe import declared_probe
from deployments.sandbox.cluster.state import Object
from tasks.domain.errors import InvalidImageReference
from tasks.domain.image import parse_image

NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
NOT_HERE = "is not supported by the sandbox's cluster; leave it out, or use a real one"
_UNSUPPORTED_IN_POD = ("initContainers", "volumes", "hostNetwork")
_UNSUPPORTED_IN_CONTAINER = ("startupProbe", "lifecycle", "volumeMounts")


def pod_faults(spec: Object, path: str) -> Iterator[str]:
    """What is wrong with a pod's spec at `path` of a manifest."""
    yield from (f"{path}.{field}: {NOT_HERE}" for field in _UNSUPPORTED_IN_POD if spec.get(field))
    yield from not_numbers(spec, path, "terminationGracePeriodSeconds", of=int | float)
    if spec.get("restartPolicy", "Always") != "Always":
        yield f'{path}.restartPolicy: Unsupported value: "{spec["restartPolicy"]}": supported values: "Always"'
    containers = spec.get("containers")
    if not isinstance(containers, list) or len(containers) != 1 or not isinstance(containers[0], dict):
        yield f"{path}.containers: Invalid value: exactly one container is supported by the sandbox's cluster"
        return
    yield from _container_faults(containers[0], f"{path}.containers[0]")


def _container_faults(container: Object, path: str) -> Iterator[str]:
    if not isinstance(container.get("name"), str) or not NAME.fullmatch(container["name"]):
        yield f"{path}.name: Required value: use a-z, 0-9 and '-'"
    try:
        parse_image(str(container.get("image", "")))
    except InvalidImageReference as problem:
        yield f"{path}.image: Invalid value: {problem}"
    yield from (f"{path}.{field}: {NOT_HERE}" for field in _UNSUPPORTED_IN_CONTAINER if container.get(field))
    if len(container.get("ports") or []) > 1:
        yield f"{path}.ports: more than one port {NOT_HERE}"
    yield from _environment_faults(container, path)
    for words in ("command", "args"):
        if not all(isinstance(word, str) for word in container.get(words, [])) or isinstance(container.get(words), str):
            yield f"{path}.{words}: Invalid value: must be a list of strings; quote numbers"
    for probe in ("readinessProbe", "livenessProbe"):
        if container.get(probe) and not container[probe].get("httpGet"):
            yield f"{path}.{probe}: a probe without httpGet {NOT_HERE}"
        else:
            declared_probe(container, probe)


def _environment_faults(container: Object, path: str) -> Iterator[str]:
    for index, variable in enumerate(container.get("env") or []):
        yield from _variable_faults(variable, f"{path}.env[{index}]")
    for index, source in enumerate(container.get("envFrom") or []):
        if set(source) != {"configMapRef"}:
            yield f"{path}.envFrom[{index}]: a source that is no configMapRef {NOT_HERE}"


def _variable_faults(variable: Object, path: str) -> Iterator[str]:
    if not isinstance(variable.get("name"), str):
        yield f"{path}.name: Required value"
    if "value" in variable and not isinstance(variable["value"], str):
        yield f"{path}.value: Invalid value: {variable['value']}: must be a string; quote it"
    if "valueFrom" in variable and set(variable["valueFrom"]) != {"configMapKeyRef"}:
        yield f"{path}.valueFrom: a source that is no configMapKeyRef {NOT_HERE}"


def not_numbers(spec: Object, path: str, *fields: str, of: Any) -> Iterator[str]:
    """What is wrong with fields that must be numbers where they are there."""
    for field in fields:
        value = spec.get(field, 0)
        if not isinstance(value, of) or isinstance(value, bool) or value < 0:
            yield f"{path}.{field}: Invalid value: {value}: must be a number that is not negative"


def not_texts(values: Any, path: str) -> Iterator[str]:
    """What is wrong with a mapping that must have texts only."""
    if not isinstance(values, dict):
        yield f"{path}: Invalid value: must be a mapping"
        return
    for key, value in values.items():
        if not isinstance(value, str):
            yield f"{path}.{key}: Invalid value: {value}: must be a string; quote it"
