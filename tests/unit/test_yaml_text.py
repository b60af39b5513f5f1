"""The quick parser and the slow one say the same, with the same positions."""

import contextlib
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from tasks.domain.errors import InvalidManifest
from tasks.domain.yaml.text import parse_yaml

SNIPPETS = [
    "a",
    "1",
    "sha256:ab",
    "a:b",
    "x:1@y",
    "a: ",
    "?",
    "- ",
    ", ",
    "'",
    '"',
    "\n",
    "  ",
    "#",
    "&x ",
    "&x:y ",
    "*x",
]
words = st.lists(st.sampled_from(SNIPPETS), max_size=8).map("".join)


def parsed(text: str, *, pure: bool) -> list[Any] | None:
    with contextlib.suppress(YAMLError, ValueError):
        return said(YAML(typ="safe", pure=pure).parse(text))
    return None


def said(events: Any) -> list[Any]:
    found = []
    for event in events:
        # The two put an empty value at different places.
        start = event.start_mark.index if getattr(event, "value", True) else None
        properties = (getattr(event, name, None) for name in ("value", "anchor", "tag", "implicit"))
        found.append((type(event).__name__, start, *properties))
    return found


@given(words)
@example("*x://a:1")
@example("'\ue000', b: x:y")
@example("&a:b x, c: d:e")
@example("? !a:b c")
@example("a: 'x:y', b: x:y")
def test_what_the_quick_parser_refuses_is_read_as_the_slow_one_reads_it(inner: str) -> None:
    text = f"k: {{{inner}}}\n"
    assume(parsed(text, pure=False) is None)
    slow = parsed(text, pure=True)
    if slow is None:
        with pytest.raises(InvalidManifest):
            parse_yaml(text, file="f")
    else:
        assert said(parse_yaml(text, file="f").events) == slow
