"""Where exactly a single value is written in YAML text, and whether it may be written anew there."""

import re
from dataclasses import dataclass

from tasks.domain.yaml.node import Node
from tasks.domain.yaml.quoting import needs_quotes, quoted
from tasks.domain.yaml.text import YamlText

BLOCK = frozenset({"|", ">"})
_ANCHOR = re.compile(r"&\S+[ \t]*")
_COLON = re.compile(r"[ \t]*:")
_LINE_BREAK = re.compile(r"[\r\n]")
_ONE_BLOCK_LINE = re.compile(r"[|>][^\r\n]*(?:\r\n|\r|\n)\s*?(?P<content>\S(?:[^\r\n]*\S)?)\s*")


@dataclass(frozen=True, slots=True)
class Scalar:
    """One scalar: text[start:end] is how it is written, without the header and indentation of a block scalar.

    `style` is its quotation mark, | or > for a block scalar, empty for a plain one; `event` its place in the parser's
    events. An empty plain scalar stands right behind its key's colon.
    """

    value: str
    style: str
    start: int
    end: int
    line: int
    event: int
    is_in_flow: bool

    def differs(self, wanted: str) -> bool:
        """Whether it has to be written anew to be this text."""
        # A plain 1234567 is the number, not the tag, even where the characters are the same.
        return self.value != wanted or (not self.style and needs_quotes(wanted))

    def written(self, value: str, text: str) -> str:
        """How the value is written here: quoted as the old one was, or in double quotes where it cannot be plain."""
        if self.style in BLOCK:
            return value
        # Between braces older parsers refuse a colon in a plain scalar; where one was, they are not in use.
        is_new_colon = self.is_in_flow and ":" in value and ":" not in self.value
        quote = self.style or ('"' if needs_quotes(value) or is_new_colon else "")
        written = quoted(value, quote) if quote else value
        is_behind_key = self.start == self.end and not text[self.start - 1].isspace()
        return f" {written}" if is_behind_key else written


def locate(node: Node) -> Scalar:
    """Where a value is written; raises InvalidManifest where it is none, or where it must not be written anew.

    That is where others share it through an anchor, unless the text was parsed with `edit_anchors`; where it has an
    explicit tag; and where it goes over several lines.
    """
    yaml, name = node.yaml, node.path
    event = yaml.events[node.event]
    if not node.is_scalar:
        raise yaml.refusal(node.event, f"'{name}' is not a single value; give it one")
    refuse_shared(node)
    if event.tag is not None:
        raise yaml.refusal(node.event, f"'{name}' has an explicit YAML tag; put its value into quotes instead")
    start, end = yaml.start(node.event), yaml.end(node.event)
    if event.anchor is not None:
        start = _behind_properties(yaml.text, start, end)
    if event.style in BLOCK:
        start, end = _block_line(node, start, end)
    elif _LINE_BREAK.search(yaml.text, start, end):
        raise yaml.refusal(node.event, f"'{name}' spans several lines; write it on one")
    if not (event.value or event.style):
        start = end = _behind_key(node, end)
    return Scalar(event.value, event.style or "", start, end, node.line, node.event, node.is_in_flow)


def refuse_shared(node: Node) -> None:
    """Raise InvalidManifest where a change of the node reaches others, unless that is asked for."""
    if node.shared is not None and not node.yaml.edit_anchors:
        raise node.yaml.refusal(node.shared.event, f"{node.shared.why}, or set edit-anchors to change it for all")


def behind_colon(yaml: YamlText, name: str, key: int) -> int:
    """Where an empty value would stand; the two parsers say different places, one of them behind the comment."""
    colon = _COLON.match(yaml.text, yaml.end(key))
    if colon is None:
        raise yaml.refusal(key, f"'{name}' has no value and no colon; write it as 'key: value'")
    return colon.end()


def _behind_properties(text: str, start: int, end: int) -> int:
    """Behind the anchor, where the parser counts it as a part of the scalar."""
    found = _ANCHOR.match(text, start, end)
    return found.end() if found else start


def _behind_key(node: Node, end: int) -> int:
    if node.yaml.events[node.event].anchor is not None:
        return end
    if node.key is None:
        raise node.yaml.refusal(node.event, f"'{node.path}' is an empty list item; give it a value")
    return behind_colon(node.yaml, node.path, node.key)


def _block_line(node: Node, start: int, end: int) -> tuple[int, int]:
    found = _ONE_BLOCK_LINE.fullmatch(node.yaml.text, start, end)
    # A comment may stand behind the header; with the line break at its end, the value would be another one.
    if found is None or node.value != found["content"]:
        why = f"'{node.path}' spans several lines; write it on one"
        raise node.yaml.refusal(node.event, why)
    return found.span("content")
