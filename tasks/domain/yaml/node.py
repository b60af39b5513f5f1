"""The tree of mappings, lists and values that YAML text's events stand for, each with its place in the text.

Aliases and merge keys are followed; a node that was reached through one remembers why a change of it reaches further.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceStartEvent,
)

from tasks.domain.yaml.text import YamlText

MERGE = "<<"
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


@dataclass(frozen=True, slots=True)
class Shared:
    """Why a change of a place would reach further than it looks, and the event to point at."""

    event: int
    why: str


@dataclass(frozen=True, slots=True)
class Node:
    """One mapping, list or value: `event` starts it, `key` is its key's event where it has one.

    `path` is how people write its place. `is_in_flow` says whether it is written between braces or brackets.
    """

    yaml: YamlText
    event: int
    path: str = ""
    key: int | None = None
    is_in_flow: bool = False
    shared: Shared | None = None
    is_merged: bool = False

    @property
    def line(self) -> int:
        """Where the node's key, or else the node itself, stands, counted from 1."""
        return self.yaml.line(self.event if self.key is None else self.key)

    @property
    def is_mapping(self) -> bool:
        """Whether it has keys."""
        return isinstance(self.yaml.events[self.event], MappingStartEvent)

    @property
    def is_list(self) -> bool:
        """Whether it has items."""
        return isinstance(self.yaml.events[self.event], SequenceStartEvent)

    @property
    def is_scalar(self) -> bool:
        """Whether it is one value, be it an empty one."""
        return isinstance(self.yaml.events[self.event], ScalarEvent)

    @property
    def is_empty(self) -> bool:
        """Whether it is a value that says nothing: empty, a null or an empty text."""
        event = self.yaml.events[self.event]
        return isinstance(event, ScalarEvent) and event.value in (("",) if event.style else _NULLS)

    @property
    def value(self) -> str | None:
        """The text of a single value, None where it is empty; raises InvalidManifest where it is not a single one."""
        if not self.is_scalar:
            raise self.yaml.refusal(self.event, f"'{self.path}' is not a single value; give it one")
        return None if self.is_empty else str(self.yaml.events[self.event].value)

    def entries(self) -> Mapping[str, tuple[int, int]]:
        """A mapping's own keys with the events of key and value; raises InvalidManifest for a key that is there twice.

        Empty for what is not a mapping.
        """
        entries: dict[str, tuple[int, int]] = {}
        events, ends = self.yaml.events, self.yaml.ends
        key = self.event + 1
        while self.is_mapping and not isinstance(events[key], CollectionEndEvent):
            value = ends[key]
            if isinstance(events[key], ScalarEvent):
                name = events[key].value
                if name in entries:
                    first = self.yaml.line(entries[name][0])
                    why = f"the key '{name}' is already at line {first}; remove one of the two"
                    raise self.yaml.refusal(key, why)
                entries[name] = key, value
            key = ends[value]
        return entries

    def get(self, name: str) -> "Node | None":
        """The value under this key, be it from a merge key; None where there is none, or no mapping."""
        entries = self.entries()
        if name in entries:
            return self._child(name, *entries[name])
        if MERGE in entries:
            return self._merged(name, *entries[MERGE])
        return None

    def items(self) -> Iterator["Node"]:
        """The items of a list; none of what is not a list."""
        events, ends = self.yaml.events, self.yaml.ends
        if not self.is_list:
            return
        place, index = self.event + 1, 0
        while not isinstance(events[place], CollectionEndEvent):
            yield node_at(self.yaml, place, f"{self.path}[{index}]", self)
            place, index = ends[place], index + 1

    def inner(self) -> list["Node"]:
        """The mappings and lists right inside this one, without those that are aliases."""
        if self.is_list:
            return [item for item in self.items() if not item.is_scalar]
        events = self.yaml.events
        return [
            self._child(name, key, value)
            for name, (key, value) in self.entries().items()
            if isinstance(events[value], CollectionStartEvent)
        ]

    def _child(self, name: str, key: int, value: int) -> "Node":
        path = f"{self.path}.{name}" if self.path else name
        return node_at(self.yaml, value, path, self, key=key)

    def _merged(self, name: str, key: int, value: int) -> "Node | None":
        merge = node_at(self.yaml, value, self.path, self, key=key)
        for source in [merge] if merge.is_mapping else merge.items():
            if (found := source.get(name)) is not None:
                path = f"{self.path}.{name}" if self.path else name
                why = f"'{path}' comes from a merge key; write it out here"
                return replace(found, path=path, shared=Shared(key, why), is_merged=True)
        return None


def root_nodes(yaml: YamlText) -> Iterator[Node]:
    """The root of each document."""
    for i, event in enumerate(yaml.events):
        if isinstance(event, DocumentStartEvent):
            yield node_at(yaml, i + 1, "", None)


def node_at(yaml: YamlText, place: int, path: str, parent: Node | None, *, key: int | None = None) -> Node:
    """The node that starts with this event, or that the alias there stands for."""
    event = yaml.events[place]
    shared = parent.shared if parent else None
    is_in_flow = parent is not None and parent.is_in_flow
    if isinstance(event, AliasEvent):
        shared = shared or Shared(place, f"'{path}' is the alias '*{event.anchor}'; write its value out here")
        place = _anchored(yaml, place)
        event, is_in_flow = yaml.events[place], _is_in_flow(yaml, place)
    elif event.anchor is not None and shared is None and _has_alias(yaml, place):
        shared = Shared(place, f"'{path}' has the anchor '&{event.anchor}', so others share it; write them out")
    is_flow = isinstance(event, CollectionStartEvent) and bool(event.flow_style)
    return Node(yaml, place, path, key, is_in_flow or is_flow, shared)


def _anchored(yaml: YamlText, alias: int) -> int:
    anchor = yaml.events[alias].anchor
    for place in range(alias - 1, -1, -1):
        event = yaml.events[place]
        if isinstance(event, DocumentStartEvent):
            break
        if not isinstance(event, AliasEvent) and getattr(event, "anchor", None) == anchor:
            if yaml.ends[place] > alias:
                raise yaml.refusal(alias, f"the alias '*{anchor}' contains itself; write its value out here")
            return place
    raise yaml.refusal(alias, f"the alias '*{anchor}' has no anchor before it; write its value out here")


def _has_alias(yaml: YamlText, place: int) -> bool:
    anchor = yaml.events[place].anchor
    return any(isinstance(event, AliasEvent) and event.anchor == anchor for event in yaml.events[place:])


def _is_in_flow(yaml: YamlText, place: int) -> bool:
    return any(
        isinstance(event, CollectionStartEvent) and bool(event.flow_style) and yaml.ends[i] > place
        for i, event in enumerate(yaml.events[:place])
    )
