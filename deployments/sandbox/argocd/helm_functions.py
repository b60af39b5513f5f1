"""The functions of Helm's templates that the sandbox knows; each does what Helm's does or refuses.

The outside rules are https://helm.sh/docs/chart_template_guide/function_list/.
"""

import operator
from collections.abc import Callable
from typing import Any

from deployments.sandbox.argocd.helm_printing import (
    FunctionFault,
    as_text,
    as_whole,
    is_number,
    kind_of,
    printed,
    printf,
    quote,
    single_quote,
)
from deployments.sandbox.argocd.helm_tree import Whole
from deployments.sandbox.argocd.strict_yaml import dump


def is_empty(value: Any) -> bool:
    """What Helm takes for nothing: nil, false, zero, and what has no elements."""
    return (value.value == 0) if isinstance(value, Whole) else not value


def _default(fallback: Any, value: Any = None) -> Any:
    return fallback if is_empty(value) else value


def _required(message: Any, value: Any) -> Any:
    if value is None or value == "":
        raise FunctionFault(as_text(message))
    return value


def _fail(message: Any) -> Any:
    raise FunctionFault(as_text(message))


def _to_yaml(value: Any) -> str:
    return dump(without_go_numbers(value))


def without_go_numbers(value: Any) -> Any:
    """The value with plain numbers only, for what leaves the template."""
    if isinstance(value, Whole):
        return value.value
    if isinstance(value, dict):
        return {key: without_go_numbers(each) for key, each in value.items()}
    return [without_go_numbers(each) for each in value] if isinstance(value, list) else value


def _indent(width: Any, text: Any) -> str:
    pad = " " * as_whole(width)
    return pad + as_text(text).replace("\n", "\n" + pad)


def _nindent(width: Any, text: Any) -> str:
    return "\n" + _indent(width, text)


def _truncate(length: Any, text: Any) -> str:
    number, given = as_whole(length), as_text(text)
    if not given.isascii():
        raise FunctionFault("Helm cuts bytes, and this text has letters of more than one")
    return given[:number] if number >= 0 else given[number:]


def _equal(first: Any, *others: Any) -> bool:
    if not others:
        raise FunctionFault("eq needs two values")
    return any(_same(first, other) for other in others)


def _same(one: Any, other: Any) -> bool:
    if one is not None and other is not None:
        _comparable(one, other)
    return type(one) is type(other) and bool(one == other) if not is_number(one) else bool(one == other)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def function(one: Any, other: Any) -> bool:
        _comparable(one, other)
        if isinstance(one, bool):
            raise FunctionFault("booleans have no order")
        return compare(*(each.value if isinstance(each, Whole) else each for each in (one, other)))

    return function


def _comparable(one: Any, other: Any) -> None:
    kinds = {kind_of(one), kind_of(other)}
    if len(kinds) > 1 or not kinds <= {"text", "boolean", "number", "whole number"}:
        raise FunctionFault(f"a {kind_of(one)} and a {kind_of(other)} cannot be compared; Go compares like with like")


def _int(value: Any) -> Whole:
    if is_number(value):
        return Whole(int(value))
    if isinstance(value, Whole):
        return value
    raise FunctionFault(f"int of a {kind_of(value)}")


def _has_key(mapping: Any, key: Any) -> bool:
    if not isinstance(mapping, dict):
        raise FunctionFault(f"hasKey of a {kind_of(mapping)}")
    return as_text(key) in mapping


def _ternary(if_true: Any, if_false: Any, condition: Any) -> Any:
    if not isinstance(condition, bool):
        raise FunctionFault(f"ternary by a {kind_of(condition)}")
    return if_true if condition else if_false


def _dict(*pairs: Any) -> dict[str, Any]:
    if len(pairs) % 2:
        raise FunctionFault("dict needs a value for each key")
    return {as_text(key): value for key, value in zip(pairs[::2], pairs[1::2], strict=True)}


def _texts(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *values: function(*map(as_text, values))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "contains": _texts(lambda part, text: part in text),
    "default": _default,
    "dict": _dict,
    "empty": is_empty,
    "eq": _equal,
    "fail": _fail,
    "ge": _ordered(operator.ge),
    "gt": _ordered(operator.gt),
    "hasKey": _has_key,
    "hasPrefix": _texts(lambda part, text: text.startswith(part)),
    "hasSuffix": _texts(lambda part, text: text.endswith(part)),
    "indent": _indent,
    "int": _int,
    "le": _ordered(operator.le),
    "list": lambda *values: list(values),
    "lower": _texts(str.lower),
    "lt": _ordered(operator.lt),
    "ne": lambda one, other: not _equal(one, other),
    "nindent": _nindent,
    "not": is_empty,
    "printf": printf,
    "quote": quote,
    "replace": _texts(lambda old, new, text: text.replace(old, new)),
    "required": _required,
    "squote": single_quote,
    "ternary": _ternary,
    "toString": printed,
    "toYaml": _to_yaml,
    "trim": _texts(lambda text: text.strip(" \t\r\n\v\f")),
    "trimPrefix": _texts(lambda part, text: text.removeprefix(part)),
    "trimSuffix": _texts(lambda part, text: text.removesuffix(part)),
    "trunc": _truncate,
    "upper": _texts(str.upper),
}
