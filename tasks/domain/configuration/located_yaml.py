"""YAML text as plain values that remember where they stood, so that a mistake can be named by file, line and key.

Strict where YAML is loose: a key may stand only once, and only plain values are read. Aliases and merge keys work.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from tasks.domain.errors import ConfigurationError

Place = tuple[str | int, ...]

_TAG = "tag:yaml.org,2002:"
# Aliases can make a small text a huge value; no configuration comes near this.
_MOST_VALUES = 100_000


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong at one place, and what is allowed there; the line is that of the place where it is not given."""

    place: Place
    sentence: str
    line: int | None = None


@dataclass(slots=True)
class LocatedYAML:
    """The values of a text, the line (from 1) of each place, and what the text itself has wrong."""

    file: str
    value: object = None
    lines: dict[Place, int] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)

    def line(self, place: Place) -> int:
        """The line of the place, or of the closest thing around it."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)

    def report(self, mistakes: list[Mistake]) -> str:
        """Every mistake on a line of its own, as `file:line: key.path: sentence`, in the order of the file."""
        located = sorted({(m.line or self.line(m.place), key_path(m.place), m.sentence) for m in mistakes})
        return "\n".join(f"{self.file}:{line}: {key}: {sentence}" for line, key, sentence in located)


def key_path(place: Place) -> str:
    """How people write a place: `environments.production.needs[0]`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    return text.removeprefix(".") or "the file"


def read_yaml(text: str, *, file: str) -> LocatedYAML:
    """Read one YAML document; raises ConfigurationError, with file and line, where the text is not one."""
    try:
        root = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigurationError(f"{file}:{line}: the text is not YAML: {error.problem}; correct it") from None
    except YAMLError as error:
        reason = str(error).splitlines()[0]
        raise ConfigurationError(f"{file}:1: the text is not YAML: {reason}; correct it") from None
    except RecursionError:
        raise ConfigurationError(f"{file}:1: the text is nested too deeply; make it flatter") from None
    located = LocatedYAML(file)
    if root is not None:
        located.value = _Reader(located).read(root, ())
    return located


class _Reader:
    """Walks the nodes once; `_open` holds those around the current one, so that an alias to itself ends."""

    def __init__(self, located: LocatedYAML) -> None:
        self._located = located
        self._open: set[int] = set()
        self._constructor = YAML(typ="safe", pure=True).constructor

    def read(self, node: Node, place: Place) -> object:
        located = self._located
        located.lines.setdefault(place, node.start_mark.line + 1)
        if len(located.lines) > _MOST_VALUES:
            raise ConfigurationError(f"{located.file}: more than {_MOST_VALUES} values; are there aliases of aliases?")
        if id(node) in self._open:
            located.mistakes.append(Mistake(place, "an alias that contains itself; write the values out"))
            return None
        self._open.add(id(node))
        try:
            return self._value(node, place)
        finally:
            self._open.discard(id(node))

    def _value(self, node: Node, place: Place) -> object:
        if isinstance(node, MappingNode):
            return self._mapping(node, place)
        if isinstance(node, SequenceNode):
            return [self.read(item, (*place, index)) for index, item in enumerate(node.value)]
        return self._scalar(node, place)

    def _mapping(self, node: MappingNode, place: Place) -> dict[str, object]:
        seen: dict[str, int] = {}
        values: dict[str, object] = {}
        for merged in self._merged(node, place):
            values = merged | values
        for key_node, value_node in self._pairs(node, place):
            key, line = str(key_node.value), key_node.start_mark.line + 1
            if key in seen:
                sentence = f"stands here a second time, first in line {seen[key]}; keep one of both"
                self._located.mistakes.append(Mistake((*place, key), sentence, line))
                continue
            seen[key] = line
            self._located.lines[*place, key] = line
            values[key] = self.read(value_node, (*place, key))
        return values

    def _pairs(self, node: MappingNode, place: Place) -> Iterator[tuple[ScalarNode, Node]]:
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                line = key_node.start_mark.line + 1
                self._located.mistakes.append(Mistake(place, "has a key that is not a text; write a plain key", line))
            elif key_node.tag != f"{_TAG}merge":
                yield key_node, value_node

    def _merged(self, node: MappingNode, place: Place) -> Iterator[dict[str, object]]:
        for key_node, value_node in node.value:
            if key_node.tag != f"{_TAG}merge":
                continue
            sources = value_node.value if isinstance(value_node, SequenceNode) else [value_node]
            for source in sources:
                value = self.read(source, place)
                if isinstance(value, dict):
                    yield value
                else:
                    line = key_node.start_mark.line + 1
                    self._located.mistakes.append(Mistake(place, "`<<` can merge only mappings; correct it", line))

    def _scalar(self, node: Node, place: Place) -> object:
        match str(node.tag).removeprefix(_TAG):
            case "null":
                return None
            case "bool":
                return bool(self._constructor.construct_yaml_bool(node))
            case "int":
                return int(self._constructor.construct_yaml_int(node))
            case "float":
                return float(self._constructor.construct_yaml_float(node))
            case "str" | "timestamp" | "merge" | "value":
                return str(node.value)
        self._located.mistakes.append(Mistake(place, f"the tag {node.tag} is not understood; write a plain value"))
        return None
