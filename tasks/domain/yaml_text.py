"""Finds where the scalars of a mapping stand in YAML text, from the parser's events, without building a document.

ruamel.yaml's C parser reads first, because it is fifty times as fast as a load; what it refuses, such as a colon in a
plain scalar between braces, ruamel.yaml's own parser of YAML 1.2 reads.
"""

import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    MappingStartEvent,
    ScalarEvent,
)

from tasks.domain.errors import InvalidManifest

_BOM = "\ufeff"
_MERGE = "<<"


@dataclass(frozen=True, slots=True)
class Scalar:
    """One scalar: text[start:end] is how it is written, `quote` its quotation mark or empty for a plain one.

    `event` is its place in the parser's events; an empty plain scalar stands right behind its key's colon.
    """

    value: str
    quote: str
    start: int
    end: int
    line: int
    event: int
    is_in_flow: bool


@dataclass(frozen=True, slots=True)
class YamlText:
    """Text, its parser events, and how far the events' positions lie behind those in the text."""

    text: str
    file: str
    events: Sequence[Any]
    offset: int

    def line(self, event: int) -> int:
        """Where an event starts, counted from 1."""
        return int(self.events[event].start_mark.line) + 1

    def refusal(self, event: int, why: str) -> InvalidManifest:
        """The error that points at an event."""
        return InvalidManifest(f"{self.file}:{self.line(event)}: {why}")


def parse_yaml(text: str, *, file: str) -> YamlText:
    """The events of all documents in the text; raises InvalidManifest where it is not YAML."""
    body = text.removeprefix(_BOM)
    with contextlib.suppress(YAMLError, ValueError, OverflowError):
        return YamlText(text, file, _events(body, pure=False), len(text) - len(body))
    try:
        return YamlText(text, file, _events(body, pure=True), len(text) - len(body))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{file}:{mark.line + 1}" if mark else file
        raise InvalidManifest(f"{place}: this is not valid YAML: {error.problem or error.context}") from error
    except (YAMLError, ValueError, OverflowError) as error:
        raise InvalidManifest(f"{file}: this is not valid YAML: {str(error).splitlines()[0]}") from error


def find_scalars(yaml: YamlText, at: str, keys: frozenset[str]) -> dict[str, Scalar]:
    """The scalars under `keys` in the mapping at the dotted path `at`; a key that is not there is left out.

    Raises InvalidManifest where the mapping is missing or stands in several documents, and where a change of it would
    reach further than it looks: at aliases, anchors, merge keys, duplicate keys and block scalars.
    """
    roots = [i + 1 for i, event in enumerate(yaml.events) if isinstance(event, DocumentStartEvent)]
    found = [place for root in roots if (place := _descend(yaml, root, at.split("."))) is not None]
    if not found:
        raise InvalidManifest(f"{yaml.file}: there is no mapping '{at}'; add it, or correct 'at' of this manifest")
    if len(found) > 1:
        lines = " and ".join(str(yaml.line(place)) for place, _ in found)
        raise InvalidManifest(f"{yaml.file}: '{at}' is in several documents, at lines {lines}; leave it in one only")
    mapping, is_in_flow = found[0]
    entries = _entries(yaml, mapping)
    if _MERGE in entries:
        raise yaml.refusal(entries[_MERGE][0], f"'{at}' has a merge key; write its keys out here")
    return {
        name: _scalar(yaml, f"{at}.{name}", *entries[name], is_in_flow=is_in_flow) for name in keys & entries.keys()
    }


def _events(text: str, *, pure: bool) -> list[Any]:
    return list(YAML(typ="safe", pure=pure).parse(text))


def _descend(yaml: YamlText, root: int, path: list[str]) -> tuple[int, bool] | None:
    """The event that starts the mapping at the path, and whether it or one around it is written with braces."""
    place, is_in_flow = root, False
    for depth, name in enumerate([*path, None]):
        event = yaml.events[place]
        here = ".".join(path[:depth]) or "the document"
        if isinstance(event, AliasEvent):
            raise yaml.refusal(place, f"'{here}' is an alias of '*{event.anchor}'; write the mapping out here")
        if not isinstance(event, MappingStartEvent):
            if depth == 0:
                return None
            raise yaml.refusal(place, f"'{here}' is not a mapping; correct it, or 'at' of this manifest")
        if event.anchor is not None:
            raise yaml.refusal(place, f"'{here}' has the anchor '&{event.anchor}', so others share it; write them out")
        is_in_flow = is_in_flow or bool(event.flow_style)
        if name is None:
            return place, is_in_flow
        entry = _entries(yaml, place).get(name)
        if entry is None:
            return None
        place = entry[1]
    return None


def _entries(yaml: YamlText, mapping: int) -> dict[str, tuple[int, int]]:
    """The mapping's scalar keys with the events of key and value; refuses a key that is there twice."""
    entries: dict[str, tuple[int, int]] = {}
    for key, value in _pairs(yaml.events, mapping):
        event = yaml.events[key]
        if not isinstance(event, ScalarEvent):
            continue
        if event.value in entries:
            first = yaml.line(entries[event.value][0])
            raise yaml.refusal(key, f"the key '{event.value}' is already at line {first}; remove one of the two")
        entries[event.value] = key, value
    return entries


def _pairs(events: Sequence[Any], mapping: int) -> Iterator[tuple[int, int]]:
    place = mapping + 1
    while not isinstance(events[place], CollectionEndEvent):
        value = _after(events, place)
        yield place, value
        place = _after(events, value)


def _after(events: Sequence[Any], place: int) -> int:
    """The event behind the whole node that starts here."""
    depth = 0
    while True:
        event = events[place]
        if isinstance(event, CollectionStartEvent):
            depth += 1
        elif isinstance(event, CollectionEndEvent):
            depth -= 1
        place += 1
        if depth == 0:
            return place


def _scalar(yaml: YamlText, name: str, key: int, value: int, *, is_in_flow: bool) -> Scalar:
    event = yaml.events[value]
    if isinstance(event, AliasEvent):
        raise yaml.refusal(value, f"'{name}' is the alias '*{event.anchor}'; write its value out here")
    if not isinstance(event, ScalarEvent):
        raise yaml.refusal(value, f"'{name}' is not a single value; give it one")
    if event.anchor is not None:
        raise yaml.refusal(value, f"'{name}' has the anchor '&{event.anchor}', so others share it; write them out")
    if event.tag is not None:
        raise yaml.refusal(value, f"'{name}' has an explicit YAML tag; put its value into quotes instead")
    start, end = event.start_mark.index + yaml.offset, event.end_mark.index + yaml.offset
    if event.style in ("|", ">") or "\n" in yaml.text[start:end] or "\r" in yaml.text[start:end]:
        raise yaml.refusal(value, f"'{name}' spans several lines; write it on one")
    if start == end or not (event.value or event.style):
        start = end = _behind_colon(yaml, name, key)
    return Scalar(event.value, event.style or "", start, end, yaml.line(key), value, is_in_flow)


def _behind_colon(yaml: YamlText, name: str, key: int) -> int:
    # The two parsers put an empty value at different places, one of them behind the comment.
    colon = re.compile(r"[ \t]*:").match(yaml.text, yaml.events[key].end_mark.index + yaml.offset)
    if colon is None:
        raise yaml.refusal(key, f"'{name}' has no value and no colon; write it as 'key: value'")
    return colon.end()
