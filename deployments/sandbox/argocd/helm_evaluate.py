"""Makes text of a parsed Helm template. Its other half is helm_syntax."""

from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from deployments.sandbox.argocd.helm_functions import FUNCTIONS, is_empty
from deployments.sandbox.argocd.helm_printing import FunctionFault, printed
from deployments.sandbox.argocd.helm_tree import (
    Action,
    Block,
    Call,
    Expression,
    Field,
    Literal,
    Part,
    Place,
    Text,
    Whole,
)

_DEEPEST_INCLUDE = 50


class Top(dict[str, Any]):
    """The outermost dot: asking it for a name that it lacks is an error, because Helm may have something there."""


@dataclass(frozen=True, slots=True)
class Evaluator:
    """Evaluates with the named templates of a whole chart."""

    defined: Mapping[str, list[Part]]

    def text_of(self, parts: list[Part], dot: Any, *, depth: int = 0) -> str:
        """What the parts print for this dot; raises RenderError."""
        return "".join(self._print(parts, ChainMap({"$": dot, ".": dot}), depth))

    def _print(self, parts: list[Part], variables: ChainMap[str, Any], depth: int) -> Iterator[str]:
        for part in parts:
            match part:
                case Text():
                    yield part.text
                case Action() if part.names:
                    self._assign(part, variables, depth)
                case Action():
                    value = self._value(part.expression, part.place, variables, depth)
                    yield "" if value is None else self._call(part.place, printed, [value])
                case Block():
                    yield from self._block(part, variables, depth)

    def _block(self, block: Block, variables: ChainMap[str, Any], depth: int) -> Iterator[str]:
        inner = variables.new_child()
        value = self._value(block.head.expression, block.head.place, inner, depth)
        if block.kind == "range":
            yield from self._range(block, value, inner, depth)
            return
        if len(block.head.names) > 1:
            raise block.head.place.error("two variables are only for range")
        for name in block.head.names:
            inner[name] = value
        if is_empty(value):
            yield from self._print(block.otherwise, inner, depth)
            return
        if block.kind == "with":
            inner["."] = value
        yield from self._print(block.body, inner, depth)

    def _range(self, block: Block, value: Any, variables: ChainMap[str, Any], depth: int) -> Iterator[str]:
        place, names = block.head.place, block.head.names
        if isinstance(value, dict):
            pairs: list[tuple[Any, Any]] = sorted(value.items())
        elif isinstance(value, list) or value is None:
            pairs = [(Whole(index), each) for index, each in enumerate(value or [])]
        else:
            raise place.error("range goes over a list or a mapping only")
        if not pairs:
            yield from self._print(block.otherwise, variables, depth)
        for key, each in pairs:
            inner = variables.new_child({".": each})
            inner |= dict(zip(names, (key, each) if len(names) == 2 else (each,), strict=False))
            yield from self._print(block.body, inner, depth)

    def _assign(self, action: Action, variables: ChainMap[str, Any], depth: int) -> None:
        if len(action.names) > 1:
            raise action.place.error("two variables are only for range")
        name, value = action.names[0], self._value(action.expression, action.place, variables, depth)
        if action.declares:
            variables[name] = value
            return
        for scope in variables.maps:
            if name in scope:
                scope[name] = value
                return
        raise action.place.error(f"the variable {name} is not declared; use :=")

    def _value(self, expression: Expression, place: Place, variables: ChainMap[str, Any], depth: int) -> Any:
        match expression:
            case Literal():
                return expression.value
            case Field(of=str() as name):
                if name not in variables:
                    raise place.error(f"the variable {name} is not declared")
                return _descend(variables[name], expression.path, place)
            case Field(of=Literal() | Field() | Call() as inner):
                return _descend(self._value(inner, place, variables, depth), expression.path, place)
            case Call(function="and" | "or") if expression.arguments:
                return self._first(expression, place, variables, depth)
            case Call():
                return self._result(expression, place, variables, depth)

    def _result(self, call: Call, place: Place, variables: ChainMap[str, Any], depth: int) -> Any:
        arguments = [self._value(each, place, variables, depth) for each in call.arguments]
        if call.function == "include":
            return self._include(place, arguments, depth)
        function = FUNCTIONS.get(call.function)
        if function is None:
            raise place.error(f"the function {call.function!r} is not rendered by the sandbox")
        return self._call(place, function, arguments)

    def _first(self, call: Call, place: Place, variables: ChainMap[str, Any], depth: int) -> Any:
        """What `and` and `or` give: the first value that settles it, or the last one; later ones are not looked at."""
        value = None
        for each in call.arguments:
            value = self._value(each, place, variables, depth)
            if is_empty(value) == (call.function == "and"):
                break
        return value

    def _include(self, place: Place, arguments: list[Any], depth: int) -> str:
        if len(arguments) != 2 or not isinstance(arguments[0], str):
            raise place.error("include takes a name and what its dot is")
        if arguments[0] not in self.defined:
            raise place.error(f"no template {arguments[0]!r} is defined")
        if depth >= _DEEPEST_INCLUDE:
            raise place.error("templates include each other without an end")
        return self.text_of(self.defined[arguments[0]], arguments[1], depth=depth + 1)

    def _call(self, place: Place, function: Any, arguments: list[Any]) -> Any:
        try:
            return function(*arguments)
        except FunctionFault as problem:
            raise place.error(str(problem)) from problem
        except TypeError as problem:
            raise place.error("the number of arguments is not what the function takes") from problem


def _descend(value: Any, path: tuple[str, ...], place: Place) -> Any:
    for name in path:
        if value is None:
            raise place.error(f"nil pointer evaluating interface {{}}.{name}: what stands before .{name} has no value")
        if not isinstance(value, dict):
            raise place.error(f"can't evaluate field {name}: what stands before it is no mapping")
        if isinstance(value, Top) and name not in value:
            raise place.error(f".{name} is not rendered by the sandbox")
        value = value.get(name)
    return value
