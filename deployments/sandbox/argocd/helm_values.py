"""A chart's values: its own, those of the value files in their order, and the parameters. Later ones win."""

import re
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from deployments.sandbox.argocd.helm_tree import RenderError
from deployments.sandbox.argocd.strict_yaml import YamlFault, load_documents

_WORDS: dict[str, Any] = {"true": True, "false": False, "null": None}


def read_values(file: str, text: str) -> dict[str, Any]:
    """The values in a file, none where it is empty; raises RenderError."""
    try:
        documents = load_documents(text)
    except YamlFault as problem:
        raise RenderError(f"{file}: {problem}") from problem
    if len(documents) > 1:
        raise RenderError(f"{file}: a value file has one document only, and this one has {len(documents)}")
    if documents and not isinstance(documents[0], dict):
        raise RenderError(f"{file}: the values are no mapping")
    return dict(documents[0]) if documents else {}


def merged(values: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """The values with those in `over` on top: mappings are merged, all else is replaced, and null takes away."""
    result = deepcopy(dict(values))
    for key, value in over.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            below = result.get(key)
            result[key] = merged(below if isinstance(below, dict) else {}, value)
        else:
            result[key] = deepcopy(value)
    return result


def parameter_values(parameters: Mapping[str, str]) -> dict[str, Any]:
    """What Argo CD's helm.parameters mean, which it hands to `helm --set`; raises RenderError."""
    result: dict[str, Any] = {}
    for name, text in parameters.items():
        parts = [part.replace("\\.", ".") for part in re.split(r"(?<!\\)\.", name)]
        if not all(parts) or any(sign in name for sign in "[]{},="):
            raise RenderError(f"the parameter {name!r} is not a dotted name; put it into a value file")
        if text.startswith("{"):
            raise RenderError(f"the parameter {name!r} is a list; put it into a value file")
        _set(result, parts, _typed(text))
    return result


def _set(values: dict[str, Any], parts: list[str], value: Any) -> None:
    for part in parts[:-1]:
        below = values.get(part)
        values[part] = values = below if isinstance(below, dict) else {}
    values[parts[-1]] = value


def _typed(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    return int(text) if re.fullmatch(r"0|-?[1-9][0-9]*", text) else text
