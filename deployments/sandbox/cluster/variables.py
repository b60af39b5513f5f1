"""The environment variables that a pod declares, with what it takes from ConfigMaps."""

from collections.abc import Callable, Mapping
from typing import Any


class ConfigurationMissing(Exception):
    """A ConfigMap or a key that the pod needs is not there."""


def declared_variables(
    container: Mapping[str, Any], config_map: Callable[[str], Mapping[str, Any] | None]
) -> dict[str, str]:
    """By name; `config_map` finds one of the pod's namespace. Raises ConfigurationMissing."""
    variables: dict[str, str] = {}
    for source in container.get("envFrom") or []:
        reference = source["configMapRef"]
        variables |= _data(config_map, reference["name"], is_optional=bool(reference.get("optional")))
    for variable in container.get("env") or []:
        if "valueFrom" not in variable:
            variables[variable["name"]] = variable.get("value", "")
            continue
        reference = variable["valueFrom"]["configMapKeyRef"]
        is_optional = bool(reference.get("optional"))
        data = _data(config_map, reference["name"], is_optional=is_optional)
        if reference["key"] in data:
            variables[variable["name"]] = data[reference["key"]]
        elif not is_optional:
            raise ConfigurationMissing(f"couldn't find key {reference['key']} in ConfigMap {reference['name']}")
    return variables


def _data(config_map: Callable[[str], Mapping[str, Any] | None], name: str, *, is_optional: bool) -> Mapping[str, str]:
    found = config_map(name)
    if found is None and not is_optional:
        raise ConfigurationMissing(f'configmap "{name}" not found')
    return (found or {}).get("data") or {}
