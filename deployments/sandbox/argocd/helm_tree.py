"""What a Helm template consists of, and how an error says where it is."""

from dataclasses import dataclass, field
from typing import Any

from tasks.domain.errors import DeliveryError


class RenderError(DeliveryError):
    """A chart cannot be rendered; the message names file, line and construct. Argo CD shows it as a ComparisonError."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an action is: what an error names."""

    file: str
    line: int
    construct: str

    @property
    def keyword(self) -> str:
        """The action's first word."""
        return self.construct.split(maxsplit=1)[0] if self.construct else ""

    @property
    def rest(self) -> str:
        """What follows the first word."""
        return self.construct[len(self.keyword) :].strip()

    def error(self, why: str) -> RenderError:
        """The error to raise."""
        return RenderError(f"{self.file}:{self.line}: {{{{ {self.construct} }}}}: {why}")


@dataclass(frozen=True, slots=True)
class Whole:
    """A Go int: a literal, or what `int` makes of a value. Numbers from values files are floats to Go, and differ."""

    value: int


@dataclass(frozen=True, slots=True)
class Literal:
    """A string, a number, a boolean or nil as written."""

    value: Any


@dataclass(frozen=True, slots=True)
class Field:
    """`.a.b` of a variable, which `.` and `$` are too, or of what parentheses give."""

    of: "str | Expression"
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments; a pipeline's earlier part is the last one."""

    function: str
    arguments: "tuple[Expression, ...]"


Expression = Literal | Field | Call


@dataclass(frozen=True, slots=True)
class Text:
    """What stands outside of actions."""

    text: str


@dataclass(frozen=True, slots=True)
class Action:
    """An expression that is printed, or assigned: `names` then has the variables, declared where `declares` says so."""

    place: Place
    expression: Expression
    names: tuple[str, ...] = ()
    declares: bool = False


@dataclass(slots=True)
class Block:
    """if, with or range: the body, and what else there is."""

    kind: str
    head: Action
    body: "list[Part]" = field(default_factory=list)
    otherwise: "list[Part]" = field(default_factory=list)


Part = Text | Action | Block
