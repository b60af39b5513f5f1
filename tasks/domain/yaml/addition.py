"""Where a key or a list item is added to YAML text, and how it is written there: as what stands beside it is."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ruamel.yaml.events import CollectionStartEvent, MappingEndEvent, MappingStartEvent, ScalarEvent

from tasks.domain.yaml.node import Node
from tasks.domain.yaml.quoting import needs_quotes, quoted
from tasks.domain.yaml.scalar import BLOCK, behind_colon
from tasks.domain.yaml.text import BOM, YamlText

Value = str | bool
"""What is written for a key; a text is put in quotes where it would be read as something else."""

_LINE_BREAK = re.compile(r"\r\n|\n|\r")
_DASH = re.compile(r"[ ]*-[ \t]+")
_SEPARATOR = re.compile(r":[ ]?")


@dataclass(frozen=True, slots=True)
class Added:
    """The text to put in at `position`, and the events that come of it, in front of the old event `event`.

    A scalar among them is there as its bare text.
    """

    position: int
    text: str
    event: int
    events: Sequence[Any]


@dataclass(frozen=True, slots=True)
class _Sibling:
    """A key that is there already, the event of its value, and the index behind what that is written as."""

    key: int
    value: int
    end: int


def added_keys(mapping: Node, values: Mapping[str, Value], behind: Sequence[str]) -> Added:
    """The keys, behind the first of `behind` that the mapping has; else behind its last value, or before all."""
    yaml, siblings = mapping.yaml, _siblings(mapping)
    sibling = next((siblings[name] for name in behind if name in siblings), None)
    sibling = sibling or next(reversed(siblings.values()), None)
    place = mapping.event + 1 if sibling is None else yaml.ends[sibling.value]
    events = [text for key, value in values.items() for text in (key, _text(value))]
    is_flow = bool(yaml.events[mapping.event].flow_style)
    pairs = [_pair(yaml, sibling, key, value, is_in_flow=is_flow) for key, value in values.items()]
    if is_flow:
        comma = "," if sibling and yaml.text[yaml.end(sibling.key) : yaml.start(sibling.value)] == ":" else ", "
        if sibling is None:
            return Added(yaml.end(mapping.event), comma.join(pairs), place, events)
        return Added(sibling.end, "".join(f"{comma}{pair}" for pair in pairs), place, events)
    indent = " " * yaml.events[sibling.key if sibling else place].start_mark.column
    if sibling is None:
        return Added(yaml.start(place), "".join(f"{p}{_line_break(yaml, 0)}{indent}" for p in pairs), place, events)
    position = _line_end(yaml, sibling.end)
    line_break = _line_break(yaml, position)
    return Added(position, "".join(f"{line_break}{indent}{pair}" for pair in pairs), place, events)


def added_item(model: Node, values: Mapping[str, Value]) -> Added:
    """A list item behind the item `model`, which is a mapping, and written as that one is."""
    yaml, siblings = model.yaml, _siblings(model)
    first = next(iter(siblings.values()), None)
    place = yaml.ends[model.event]
    texts = [text for key, value in values.items() for text in (key, _text(value))]
    events = [MappingStartEvent(None, None, implicit=True), *texts, MappingEndEvent()]
    is_flow = bool(yaml.events[model.event].flow_style)
    pairs = [_pair(yaml, siblings.get(k, first), k, value, is_in_flow=is_flow) for k, value in values.items()]
    start = yaml.start(model.event)
    lead = yaml.text[_line_start(yaml, start) : start].lstrip(BOM)
    if is_flow and not _DASH.fullmatch(lead):
        return Added(yaml.end(place - 1), f", {{{', '.join(pairs)}}}", place, events)
    if first is None or not _DASH.fullmatch(lead):
        why = f"'{model.path}' is written so that nothing can be added behind it; do it by hand"
        raise yaml.refusal(model.event, why)
    position = _line_end(yaml, max(one.end for one in siblings.values()))
    line_break = _line_break(yaml, position)
    indent = " " * yaml.events[first.key].start_mark.column
    item = f"{{{', '.join(pairs)}}}" if is_flow else f"{line_break}{indent}".join(pairs)
    return Added(position, line_break + lead + item, place, events)


def _siblings(mapping: Node) -> dict[str, _Sibling]:
    """The mapping's keys, without those whose value ends where the next line is another's."""
    yaml = mapping.yaml
    siblings = {}
    for name, (key, value) in mapping.entries().items():
        event = yaml.events[value]
        if isinstance(event, CollectionStartEvent) and not event.flow_style:
            continue
        end = yaml.end(yaml.ends[value] - 1)
        if isinstance(event, ScalarEvent) and event.style in BLOCK:
            end = yaml.start(value) + len(yaml.text[yaml.start(value) : end].rstrip())
        elif isinstance(event, ScalarEvent) and not (event.value or event.style or event.anchor):
            end = behind_colon(yaml, name, key)
        siblings[name] = _Sibling(key, value, end)
    return siblings


def _pair(yaml: YamlText, model: _Sibling | None, key: str, value: Value, *, is_in_flow: bool = False) -> str:
    """`key: value`, quoted as the model's are."""
    key_quote, value_quote, separator = "", "", ": "
    if model is not None:
        style = getattr(yaml.events[model.value], "style", None) or ""
        key_quote, value_quote = yaml.events[model.key].style or "", "" if style in BLOCK else style
        between = yaml.text[yaml.end(model.key) : yaml.start(model.value)]
        separator = between if is_in_flow and _SEPARATOR.fullmatch(between) else ": "
    text = _text(value)
    if isinstance(value, str):
        quote = value_quote or ('"' if needs_quotes(value) or (is_in_flow and ":" in value) else "")
        text = quoted(value, quote) if quote else value
    return (quoted(key, key_quote) if key_quote else key) + separator + text


def _text(value: Value) -> str:
    return value if isinstance(value, str) else str(value).lower()


def _line_start(yaml: YamlText, position: int) -> int:
    return max(yaml.text.rfind("\n", 0, position), yaml.text.rfind("\r", 0, position)) + 1


def _line_end(yaml: YamlText, position: int) -> int:
    found = _LINE_BREAK.search(yaml.text, position)
    return found.start() if found else len(yaml.text)


def _line_break(yaml: YamlText, position: int) -> str:
    """How the line ends there, or lines of this text do."""
    found = _LINE_BREAK.match(yaml.text, position) or _LINE_BREAK.search(yaml.text)
    return found.group() if found else "\n"
