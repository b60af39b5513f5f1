"""How Go prints the values of a Helm template, and what it refuses to.

Numbers from values files are Python's int and float and stand for Go's float64; helm_tree.Whole stands for Go's int.
"""

import re
from typing import Any

from deployments.sandbox.argocd.helm_tree import Whole


class FunctionFault(Exception):
    """The arguments are not what the function takes, or its result would not be what Helm's is."""


def printed(value: Any) -> str:
    """The value as Go prints it; raises FunctionFault for what is seldom meant."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case Whole():
            return str(value.value)
        case int() | float() if value == 0 or 1e-4 <= abs(value) < 1e6:
            return str(value)
        case int() | float():
            raise FunctionFault(f"Helm prints {value} in scientific notation; write it as a text, or use int or toYaml")
    raise FunctionFault(f"a {kind_of(value)} is printed; use toYaml for it")


def quote(*values: Any) -> str:
    """The values in double quotes, as Go writes them; nothing for nil."""
    return " ".join(_go_quoted(printed(value)) for value in values if value is not None)


def single_quote(*values: Any) -> str:
    """The values in single quotes, as they are; nothing for nil."""
    return " ".join(f"'{printed(value)}'" for value in values if value is not None)


def printf(template: Any, *values: Any) -> str:
    """Go's printf with the verbs %s, %d, %q and %v, each for the values that it fits."""
    left = list(values)

    def fill(found: re.Match[str]) -> str:
        verb = found[0]
        if verb == "%%":
            return "%"
        value: Any = left.pop(0) if left else None
        fits = {"%s": isinstance(value, str), "%d": isinstance(value, Whole), "%q": isinstance(value, str)}
        if not (fits.get(verb) or (verb == "%v" and value is not None)):
            raise FunctionFault(f"{verb} does not fit a {kind_of(value)}")
        return _go_quoted(value) if verb == "%q" else printed(value)

    text = re.sub(r"%[-+# 0-9.]*.?", fill, as_text(template), flags=re.DOTALL)
    if left:
        raise FunctionFault("printf has more values than its text has places")
    return text


def _go_quoted(text: str) -> str:
    if re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", text):
        raise FunctionFault("a text with control characters is quoted")
    for plain, escaped in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\t", "\\t"), ("\r", "\\r")):
        text = text.replace(plain, escaped)
    return f'"{text}"'


def as_text(value: Any) -> str:
    """The text that the value must be; raises FunctionFault."""
    if not isinstance(value, str):
        raise FunctionFault(f"a text is needed, and this is a {kind_of(value)}")
    return value


def as_whole(value: Any) -> int:
    """The whole number that the value must be; raises FunctionFault."""
    if isinstance(value, Whole):
        return value.value
    if is_number(value) and value == int(value):
        return int(value)
    raise FunctionFault(f"a whole number is needed, and this is a {kind_of(value)}")


def is_number(value: Any) -> bool:
    """Whether it is a number from a values file: a float to Go."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def kind_of(value: Any) -> str:
    """What the value is, for messages and for comparisons."""
    names = {str: "text", bool: "boolean", int: "number", float: "number", Whole: "whole number"}
    return (names | {dict: "mapping", list: "list", type(None): "nil"}).get(type(value), type(value).__name__)
