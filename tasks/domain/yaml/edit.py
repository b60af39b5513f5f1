"""Changes values in YAML text and adds keys and list items to it, without a dump: every other character stays.

The changed text is parsed again, and refused unless it says what the old one said with just these changes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ruamel.yaml.events import ScalarEvent

from tasks.domain.errors import InvalidManifest
from tasks.domain.yaml.addition import Added, Value, added_item, added_keys
from tasks.domain.yaml.node import Node
from tasks.domain.yaml.scalar import Scalar
from tasks.domain.yaml.text import YamlText, parse_events


@dataclass(frozen=True, slots=True)
class Replacement:
    """Another value in the place of a scalar; empty means that it shall be empty."""

    scalar: Scalar
    value: str


@dataclass(frozen=True, slots=True)
class NewKeys:
    """Keys for a mapping that has none of them yet, behind the first of `behind` that it has."""

    mapping: Node
    values: Mapping[str, Value]
    behind: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class NewItem:
    """A mapping for a list, behind the item `model` and written as that one is."""

    model: Node
    values: Mapping[str, Value]


Edit = Replacement | NewKeys | NewItem


def apply_edits(yaml: YamlText, edits: Sequence[Edit]) -> str:
    """The text with the edits made, the very same where there are none.

    Raises InvalidManifest where the text, edited so, would say something else than it shall.
    """
    replaced = [edit for edit in edits if isinstance(edit, Replacement)]
    values = {edit.scalar.event: edit.value for edit in replaced}
    for edit in replaced:
        if values[edit.scalar.event] != edit.value:
            raise yaml.refusal(edit.scalar.event, "this one value stands for two that differ; write them out")
    added = [_added(edit) for edit in edits if not isinstance(edit, Replacement)]
    # A key comes before the list item behind its mapping, though both are added at the end of the same line.
    added.sort(key=lambda new: new.event)
    pieces = {(edit.scalar.start, edit.scalar.end): edit.scalar.written(edit.value, yaml.text) for edit in replaced}
    for new in added:
        pieces[new.position, new.position] = pieces.get((new.position, new.position), "") + new.text
    edited = yaml.text
    for (start, end), text in sorted(pieces.items(), reverse=True):
        edited = edited[:start] + text + edited[end:]
    if edits and not _says_only_this(yaml, edited, values, added):
        line = min([edit.scalar.line for edit in replaced] + [yaml.line(new.event) for new in added])
        why = "an edit of this place would change more than it; write the values out there, or edit it by hand"
        raise InvalidManifest(f"{yaml.file}:{line}: {why}")
    return edited


def _added(edit: NewKeys | NewItem) -> Added:
    if isinstance(edit, NewItem):
        return added_item(edit.model, edit.values)
    return added_keys(edit.mapping, edit.values, edit.behind)


def _says_only_this(yaml: YamlText, edited: str, values: Mapping[int, str], added: Sequence[Added]) -> bool:
    try:
        after = parse_events(edited, file=yaml.file)
    except InvalidManifest:
        return False
    expected = _with_additions(yaml.events, values, added)
    return len(after) == len(expected) and all(map(_is_same, expected, after))


def _with_additions(events: Sequence[Any], values: Mapping[int, str], added: Sequence[Added]) -> list[Any]:
    """The old events with the changed values as bare texts, for how these are quoted is free."""
    expected: list[Any] = list(events)
    for event, value in values.items():
        expected[event] = value
    for new in reversed(added):
        expected[new.event : new.event] = new.events
    return expected


def _is_same(before: Any, after: Any) -> bool:
    """Whether two events say the same, wherever they stand."""
    kind = after.__class__
    if before.__class__ is not kind:
        return before.__class__ is str and kind is ScalarEvent and bool(after.value == before)
    if kind is not ScalarEvent:
        return _properties(before) == _properties(after)
    return bool(
        before.value == after.value
        and before.anchor == after.anchor
        and before.tag == after.tag
        # Whether it is plain: the bare word true is not the text in quotes.
        and before.implicit == after.implicit
    )


def _properties(event: Any) -> tuple[Any, Any]:
    return getattr(event, "anchor", None), getattr(event, "tag", None)
