"""Reads the text of a Helm template into a tree. Its other half is helm_evaluate, which makes text of the tree.

The outside rules are https://pkg.go.dev/text/template; what is left out of them is refused, with file and line.
"""

import re
from collections.abc import Iterator

from deployments.sandbox.argocd.helm_expression import parse_action
from deployments.sandbox.argocd.helm_tree import Block, Literal, Part, Place, RenderError, Text

_ACTION = re.compile(
    r"""\{\{(?P<left>-(?=\s))?\s*
        (?P<inner>/\*.*?\*/|(?:"(?:\\.|[^"\\\n])*"|`[^`]*`|[^"`])*?)
        (?:(?<=\s)(?P<right>-)|\s*)\}\}""",
    re.DOTALL | re.VERBOSE,
)
_SPACE = " \t\r\n"


def parse(file: str, text: str) -> tuple[list[Part], dict[str, list[Part]]]:
    """The file's parts and those of the templates that it defines, by name; raises RenderError."""
    reader = _Reader(file, text)
    parts = reader.whole()
    return parts, reader.defined


class _Reader:
    """Goes through the pieces of a text once."""

    def __init__(self, file: str, text: str) -> None:
        self.defined: dict[str, list[Part]] = {}
        self._pieces = _pieces(file, text)

    def whole(self) -> list[Part]:
        """All parts up to the end of the text."""
        parts: list[Part] = []
        for piece in self._pieces:
            self._add(piece, parts)
        return parts

    def _until_end(self, opened: Place) -> tuple[list[Part], Place]:
        """The parts up to the end or the else that belongs to `opened`, and that action."""
        parts: list[Part] = []
        for piece in self._pieces:
            if isinstance(piece, Place) and piece.keyword in ("end", "else"):
                return parts, piece
            self._add(piece, parts)
        raise opened.error("nothing ends this block; add {{ end }}")

    def _add(self, piece: Text | Place, parts: list[Part]) -> None:
        if isinstance(piece, Text):
            parts.append(piece)
            return
        match piece.keyword:
            case "if" | "with" | "range":
                parts.append(self._block(piece, piece.keyword, piece.rest))
            case "define":
                self._define(piece)
            case "end" | "else":
                raise piece.error("there is no block here that it belongs to")
            case "template" | "block" | "break" | "continue":
                raise piece.error(f"{piece.keyword} is not rendered by the sandbox")
            case _:
                parts.append(parse_action(piece, piece.construct))

    def _block(self, opened: Place, kind: str, head: str) -> Block:
        block = Block(kind, parse_action(opened, head))
        block.body, closed = self._until_end(opened)
        if closed.keyword == "end":
            return block
        keyword, _, condition = closed.rest.partition(" ")
        if keyword == "if" and kind == "if":
            # `else if` is an if of its own, and both share the end.
            block.otherwise = [self._block(closed, "if", condition)]
        elif closed.rest:
            raise closed.error("this kind of else is not rendered by the sandbox")
        else:
            block.otherwise, closed = self._until_end(opened)
            if closed.keyword != "end":
                raise closed.error("the block has an else already")
        return block

    def _define(self, opened: Place) -> None:
        name = parse_action(opened, opened.rest).expression
        if not isinstance(name, Literal) or not isinstance(name.value, str):
            raise opened.error("a template's name must be a quoted text")
        if name.value in self.defined:
            raise opened.error(f"{name.value!r} is defined twice")
        self.defined[name.value], closed = self._until_end(opened)
        if closed.keyword != "end":
            raise closed.error("a definition has no else")


def _pieces(file: str, text: str) -> Iterator[Text | Place]:
    position, line, trim = 0, 1, ""
    for found in _ACTION.finditer(text):
        between = text[position : found.start()].lstrip(trim) if trim else text[position : found.start()]
        yield from _text(file, line, between.rstrip(_SPACE) if found["left"] else between)
        line += text.count("\n", position, found.start())
        construct = found["inner"].strip()
        if not construct.startswith("/*"):
            yield Place(file, line, construct)
        line += text.count("\n", found.start(), found.end())
        position, trim = found.end(), _SPACE if found["right"] else ""
    rest = text[position:]
    yield from _text(file, line, rest.lstrip(trim) if trim else rest)


def _text(file: str, line: int, text: str) -> Iterator[Text]:
    if "{{" in text:
        line += text.count("\n", 0, text.index("{{"))
        raise RenderError(f"{file}:{line}: {{{{: an action begins here that does not end; close it with }}}}")
    if text:
        yield Text(text)
