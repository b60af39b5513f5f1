"""YAML text and its parser's events: what stands where, without building a document.

ruamel.yaml's C parser reads first, because it is many times as fast; what it refuses, ruamel.yaml's own parser of YAML
1.2 reads. Its other half is tasks.domain.yaml.node.
"""

import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import CollectionEndEvent, CollectionStartEvent, ScalarEvent

from tasks.domain.errors import InvalidManifest

BOM = "\ufeff"
_COLON_IN_A_WORD = re.compile("(?<=[A-Za-z0-9]):(?=[A-Za-z0-9])")
# Names of anchors and aliases, tags and directives may have colons too, and there the parsers differ.
_COLON_IN_A_NAME = re.compile(r"[&*!][^\s,\[\]{}]*:|^%", re.MULTILINE)
# A character for private use, which stands in no YAML; as long as the colon, so that every position stays.
_MASK = "\ue000"


@dataclass(frozen=True, slots=True)
class YamlText:
    """Text, its parser events, and how far the events' positions lie behind those in the text.

    `ends` has for each event the one behind the node that starts with it. With `edit_anchors` a change may reach
    others that share the changed value through an alias.
    """

    text: str
    file: str
    events: Sequence[Any]
    ends: Sequence[int]
    offset: int
    edit_anchors: bool = False

    def line(self, event: int) -> int:
        """Where an event starts, counted from 1."""
        return int(self.events[event].start_mark.line) + 1

    def start(self, event: int) -> int:
        """The index of an event's first character in the text."""
        return int(self.events[event].start_mark.index) + self.offset

    def end(self, event: int) -> int:
        """The index behind an event's last character in the text."""
        return int(self.events[event].end_mark.index) + self.offset

    def refusal(self, event: int, why: str) -> InvalidManifest:
        """The error that points at an event."""
        return InvalidManifest(f"{self.file}:{self.line(event)}: {why}")


def parse_yaml(text: str, *, file: str, edit_anchors: bool = False) -> YamlText:
    """The events of all documents in the text; raises InvalidManifest where it is not YAML."""
    body = text.removeprefix(BOM)
    events = _parse(body, file)
    return YamlText(text, file, events, _ends(events), len(text) - len(body), edit_anchors)


def parse_events(text: str, *, file: str) -> Sequence[Any]:
    """Only the events, for a comparison; raises as `parse_yaml`."""
    return _parse(text.removeprefix(BOM), file)


def _parse(body: str, file: str) -> list[Any]:
    for parse in (_quick_events, _masked_events):
        with contextlib.suppress(YAMLError, ValueError, OverflowError):
            return parse(body)
    try:
        return list(YAML(typ="safe", pure=True).parse(body))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{file}:{mark.line + 1}" if mark else file
        raise InvalidManifest(f"{place}: this is not valid YAML: {error.problem or error.context}") from error
    except (YAMLError, ValueError, OverflowError) as error:
        raise InvalidManifest(f"{file}: this is not valid YAML: {str(error).splitlines()[0]}") from error


def _quick_events(body: str) -> list[Any]:
    return list(YAML(typ="safe", pure=False).parse(body))


def _masked_events(body: str) -> list[Any]:
    """The C parser's events of a text whose colons inside words it does not get to see.

    Between braces it refuses them in plain scalars, as YAML 1.1 had it; in 1.2 they are a part of the word everywhere.
    """
    if _MASK in body or _COLON_IN_A_NAME.search(body):
        raise ValueError("this text is for the other parser")
    events = _quick_events(_COLON_IN_A_WORD.sub(_MASK, body))
    for event in events:
        if isinstance(event, ScalarEvent):
            event.value = event.value.replace(_MASK, ":")
    return events


def _ends(events: Sequence[Any]) -> list[int]:
    ends = list(range(1, len(events) + 1))
    is_open: list[int] = []
    for i, event in enumerate(events):
        if isinstance(event, CollectionStartEvent):
            is_open.append(i)
        elif isinstance(event, CollectionEndEvent):
            ends[is_open.pop()] = i + 1
    return ends
