"""Reads the delivery configuration from its YAML text, and names every mistake in it at once."""

from typing import Any

from tasks.domain.configuration.located_yaml import Mistake, Place, read_yaml
from tasks.domain.configuration.model_mistakes import Model, find_mistakes, read_model
from tasks.domain.delivery.application import Application
from tasks.domain.delivery.environment import Environment
from tasks.domain.delivery.model import Delivery
from tasks.domain.delivery.release_rules import ReleaseParts, find_broken_releases
from tasks.domain.delivery.rules import Parts, References, find_broken_rules
from tasks.domain.errors import ConfigurationError


def parse_delivery(text: str, *, file: str) -> Delivery:
    """The configuration that the text describes; `file` is only its name in messages.

    Raises ConfigurationError with all mistakes, each on a line `file:line: key.path: what is wrong; what is allowed`.
    """
    located = read_yaml(text, file=file)
    parts = _parts(located.value)
    broken_rules = [*find_broken_rules(parts), *find_broken_releases(_releases(located.value), parts)]
    # Delivery itself says of a circle only that there is one.
    misshapen = [m for m in find_mistakes(Delivery, located.value) if m.place or not broken_rules]
    if mistakes := [*located.mistakes, *misshapen, *broken_rules]:
        raise ConfigurationError(located.report(mistakes))
    return read_model(Delivery, located.value)


def delivery_schema() -> dict[str, Any]:
    """The configuration's JSON Schema (https://json-schema.org/draft/2020-12), with which editors help to write it."""
    schema = Delivery.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Tidegate delivery"}


def _parts(value: object) -> Parts:
    applications, environments = _mapping(value, "applications"), _mapping(value, "environments")
    return Parts(
        applications=_readable(Application, applications),
        environments=_readable(Environment, environments),
        application_names=tuple(applications),
        references={name: _references(part) for name, part in environments.items()},
        freezes=tuple(_names(freeze, "environments") for freeze in _list(value, "freezes")),
    )


def _releases(value: object) -> dict[str, ReleaseParts]:
    return {
        name: ReleaseParts(_names(part, "applications"), _names(part, "environments"))
        for name, part in _mapping(value, "releases").items()
    }


def _references(environment: object) -> References:
    return References(_names(environment, "needs"), _names(environment, "applications"))


def _names(part: object, key: str) -> tuple[str, ...]:
    # What is not a text keeps its place as an empty one; it has been told already.
    return tuple(name if isinstance(name, str) else "" for name in _list(part, key))


def _list(value: object, key: str) -> list[object]:
    part = value.get(key) if isinstance(value, dict) else None
    return part if isinstance(part, list) else []


def _mapping(value: object, key: str) -> dict[str, object]:
    part = value.get(key) if isinstance(value, dict) else None
    return part if isinstance(part, dict) else {}


def _readable(model: type[Model], parts: dict[str, object]) -> dict[str, Model]:
    """The parts as models, where necessary without what is wrong in them, so that one mistake does not hide others."""
    readable = {}
    for name, part in parts.items():
        rest = _without(part, find_mistakes(model, part))
        if not find_mistakes(model, rest):
            readable[name] = read_model(model, rest)
    return readable


def _without(part: object, mistakes: list[Mistake]) -> object:
    places = {mistake.place for mistake in mistakes}

    def kept(value: object, place: Place) -> object:
        if isinstance(value, dict):
            return {key: kept(item, (*place, key)) for key, item in value.items() if (*place, key) not in places}
        if isinstance(value, list):
            return [kept(item, (*place, i)) for i, item in enumerate(value) if (*place, i) not in places]
        return value

    return kept(part, ())
