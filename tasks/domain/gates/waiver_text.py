"""Reads the file of waivers from its YAML text, and names every mistake in it at once."""

from collections.abc import Collection, Iterator
from typing import Any

from tasks.domain.configuration.located_yaml import Mistake, read_yaml
from tasks.domain.configuration.model_mistakes import find_mistakes, read_model, suggest
from tasks.domain.errors import ConfigurationError
from tasks.domain.gates.waiver import Waiver, Waivers


def parse_waivers(text: str, *, file: str, applications: Collection[str]) -> tuple[Waiver, ...]:
    """The waivers that the text describes; `file` is only its name in messages, `applications` are all there are.

    Raises ConfigurationError with all mistakes, each on a line `file:line: key.path: what is wrong; what is allowed`.
    """
    located = read_yaml(text, file=file)
    mistakes = [
        *located.mistakes,
        *find_mistakes(Waivers, located.value),
        *_unknown_applications(located.value, applications),
    ]
    if mistakes:
        raise ConfigurationError(located.report(mistakes))
    return read_model(Waivers, located.value).waivers


def waivers_schema() -> dict[str, Any]:
    """The file's JSON Schema (https://json-schema.org/draft/2020-12), with which editors help to write it."""
    schema = Waivers.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Tidegate waivers"}


def _unknown_applications(value: object, known: Collection[str]) -> Iterator[Mistake]:
    listed = value.get("waivers") if isinstance(value, dict) else None
    for index, waiver in enumerate(listed if isinstance(listed, list) else ()):
        name = waiver.get("application") if isinstance(waiver, dict) else None
        if isinstance(name, str) and name not in known:
            sentence = f"unknown application {name!r}; {suggest(name, known)}known: {', '.join(known)}"
            yield Mistake(("waivers", index, "application"), sentence)
