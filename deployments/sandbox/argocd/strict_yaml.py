"""Reads and writes YAML where Helm and Argo CD would understand the same; what they might read otherwise is refused.

They read YAML 1.1 in Go's way: a bare `no` is a boolean, `0777` octal, `1_000` a number. Nobody guesses at them here.
"""

import json
import math
import re
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

_WORDS = re.compile(r"y|n|yes|no|on|off", re.IGNORECASE)
# Leading zeros, underscores, minutes and hours, other bases, dates.
_NUMBERS = re.compile(r"[-+]?0[0-9_]+|[-+]?[0-9]*_[0-9_]*|[-+]?[0-9]+(:[0-9]+)+|[-+]?0[xob].+|\d{4}-\d\d?-\d\d?.*")
_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9/_.-]*")
_MEANS_MORE = re.compile(r"true|false|null|y|n|yes|no|on|off", re.IGNORECASE)


class YamlFault(Exception):
    """The text is not YAML, or not only one kind of YAML; the message has the line."""


def load_documents(text: str) -> list[Any]:
    """The documents of a text as plain values, empty ones left out; raises YamlFault."""
    try:
        reader = YAML(typ="safe", pure=True)
        for node in reader.compose_all(StringIO(text)):
            _refuse_ambiguous(node, set())
        documents = list(YAML(typ="safe", pure=True).load_all(StringIO(text)))
    except MarkedYAMLError as problem:
        line = problem.problem_mark.line + 1 if problem.problem_mark else 1
        raise YamlFault(f"line {line}: {problem.problem or problem.context}") from problem
    except (YAMLError, ValueError) as problem:
        raise YamlFault(str(problem).splitlines()[0]) from problem
    return [_as_json(document) for document in documents if document is not None]


def dump(value: Any) -> str:
    """Block YAML with sorted keys and lists that are not indented, as Helm's toYaml writes it; no final line end."""
    return "\n".join(_lines(value))


def _refuse_ambiguous(node: Node | None, seen: set[int]) -> None:
    # An alias is the same node again, and may be inside itself.
    if node is None or id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, ScalarNode):
        text = node.value
        if node.style is None and (_WORDS.fullmatch(text) or _NUMBERS.fullmatch(text)):
            line = node.start_mark.line + 1
            raise YamlFault(f"line {line}: {text} means different things to different readers; quote it")
    elif isinstance(node, SequenceNode):
        for part in node.value:
            _refuse_ambiguous(part, seen)
    elif isinstance(node, MappingNode):
        for pair in node.value:
            for part in pair:
                _refuse_ambiguous(part, seen)


def _as_json(value: Any) -> Any:
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise YamlFault(f"the key {key!r} is not a text; quote it")
        return {key: _as_json(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_as_json(each) for each in value]
    if isinstance(value, float):
        if not math.isfinite(value):
            raise YamlFault(f"{value} is not a number that JSON has")
        return int(value) if value.is_integer() else value
    if value is None or isinstance(value, str | bool | int):
        return value
    raise YamlFault(f"{value!r} is a {type(value).__name__}, which JSON does not have; quote it")


def _lines(value: Any) -> list[str]:
    if isinstance(value, dict) and value:
        return [line for key in sorted(value) for line in _entry(_scalar(key), value[key])]
    if isinstance(value, list) and value:
        return [line for each in value for line in _item(_lines(each))]
    return [_scalar(value)]


def _entry(key: str, value: Any) -> list[str]:
    lines = _lines(value)
    if isinstance(value, dict) and value:
        return [f"{key}:", *(f"  {line}" for line in lines)]
    if isinstance(value, list) and value:
        return [f"{key}:", *lines]
    return [f"{key}: {lines[0]}"]


def _item(lines: list[str]) -> list[str]:
    return [f"- {lines[0]}", *(f"  {line}" for line in lines[1:])]


def _scalar(value: Any) -> str:
    # JSON is YAML; only harmless words go without quotes.
    if isinstance(value, str) and _PLAIN.fullmatch(value) and not _MEANS_MORE.fullmatch(value):
        return value
    return json.dumps(value, ensure_ascii=False)
