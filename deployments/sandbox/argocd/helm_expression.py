"""Reads one action's expression: operands, function calls, pipelines and assignments."""

import ast
import re
from typing import Any

from deployments.sandbox.argocd.helm_tree import Action, Call, Expression, Field, Literal, Place, Whole

_TOKEN = re.compile(
    r"""(?P<space>\s+)|(?P<string>"(?:\\.|[^"\\\n])*"|`[^`]*`)|(?P<number>-?\d+(?:\.\d+)?(?![\w.]))
        |(?P<name>[A-Za-z_]\w*)|(?P<variable>\$\w*)|(?P<field>\.[A-Za-z_]\w*)|(?P<sign>:=|=|\||\(|\)|,|\.)""",
    re.VERBOSE,
)
_WORDS: dict[str, Any] = {"true": True, "false": False, "nil": None}
# The escapes that Go and Python understand alike.
_ESCAPES = re.compile(r"""(?:[^\\]|\\["\\nrt])*""")


def parse_action(place: Place, source: str) -> Action:
    """One action's expression, with the variables that it sets; raises RenderError."""
    tokens = _Tokens(place, source)
    names, declares = tokens.assignment()
    expression = tokens.pipeline()
    if tokens.left:
        raise place.error(f"{tokens.left[0][1]!r} is not expected here")
    return Action(place, expression, names, declares)


class _Tokens:
    """The tokens of an action that are still to be read, as pairs of kind and text."""

    def __init__(self, place: Place, source: str) -> None:
        self.left: list[tuple[str, str]] = []
        self._place = place
        position = 0
        while position < len(source):
            found = _TOKEN.match(source, position)
            if found is None:
                raise place.error(f"{source[position:][:20]!r} is not understood by the sandbox")
            self.left.append((str(found.lastgroup), found[0]))
            position = found.end()
        self._skip_space()

    def assignment(self) -> tuple[tuple[str, ...], bool]:
        """The variables before `:=` or `=`, and whether it declares them; none where nothing is assigned."""
        words = [text for kind, text in self.left if kind != "space"]
        for sign in (":=", "="):
            if sign in words:
                names = [word for word in words[: words.index(sign)] if word != ","]
                if not names or len(names) > 2 or not all(re.fullmatch(r"\$\w+", name) for name in names):
                    raise self._place.error(f"only one or two variables can stand before {sign}")
                del self.left[: [text for _, text in self.left].index(sign) + 1]
                self._skip_space()
                return tuple(names), sign == ":="
        return (), False

    def pipeline(self) -> Expression:
        """Commands joined by bars; each gets what the one before gives as its last argument."""
        expression = self._command(None)
        while self.left and self.left[0][1] == "|":
            self._take()
            expression = self._command(expression)
        return expression

    def _command(self, piped: Expression | None) -> Expression:
        if not self.left:
            raise self._place.error("a value is missing")
        kind, text = self.left[0]
        if kind == "name" and text not in _WORDS:
            self._take()
            arguments = [*self._operands(), *([] if piped is None else [piped])]
            return Call(text, tuple(arguments))
        operands = self._operands()
        if piped is not None:
            raise self._place.error("only a function can stand behind a bar")
        if len(operands) != 1:
            raise self._place.error("a value that is no function has arguments")
        return operands[0]

    def _operands(self) -> list[Expression]:
        operands: list[Expression] = []
        while self.left and self.left[0][1] not in ("|", ")"):
            operands.append(self._operand())
        return operands

    def _operand(self) -> Expression:
        kind, text = self._take_raw()
        if kind == "field":
            return self._with_fields(".", text[1:])
        if kind == "variable":
            return self._with_fields(text)
        if text == ".":
            self._skip_space()
            return Field(".", ())
        if text == "(":
            self._skip_space()
            inner = self.pipeline()
            if not self.left or self._take_raw()[1] != ")":
                raise self._place.error("a parenthesis is not closed")
            return self._with_fields(inner)
        self._skip_space()
        if kind == "name" and text in _WORDS:
            return Literal(_WORDS[text])
        if kind == "name":
            # A function without arguments can stand among the operands.
            return Call(text, ())
        if kind in ("string", "number"):
            return Literal(self._literal(kind, text))
        raise self._place.error(f"{text!r} is not expected here")

    def _with_fields(self, of: str | Expression, *first: str) -> Expression:
        path = list(first)
        while self.left and self.left[0][0] == "field":
            path.append(self.left.pop(0)[1][1:])
        self._skip_space()
        return of if not path and not isinstance(of, str) else Field(of, tuple(path))

    def _literal(self, kind: str, text: str) -> Any:
        if kind == "number":
            return float(text) if "." in text else Whole(int(text))
        if text.startswith("`"):
            return text[1:-1]
        if not _ESCAPES.fullmatch(text[1:-1]):
            raise self._place.error(f"an escape in {text} is not rendered by the sandbox")
        return ast.literal_eval(text)

    def _take(self) -> tuple[str, str]:
        token = self._take_raw()
        self._skip_space()
        return token

    def _take_raw(self) -> tuple[str, str]:
        return self.left.pop(0)

    def _skip_space(self) -> None:
        while self.left and self.left[0][0] == "space":
            self.left.pop(0)
