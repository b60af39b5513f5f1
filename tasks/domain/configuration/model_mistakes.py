"""What a pydantic model has to say against plain values, in sentences that say what is allowed."""

import difflib
import json
from collections.abc import Collection
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, Tag, ValidationError
from pydantic.fields import FieldInfo

from tasks.domain.configuration.checked_text import ALLOWED, PLACEHOLDER
from tasks.domain.configuration.located_yaml import Mistake, Place

Model = TypeVar("Model", bound=BaseModel)

_TYPES = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "decimal_type": "a number",
    "decimal_parsing": "a number",
    "bool_type": "true or false",
    "date_type": "a day such as 2027-01-31",
    "date_parsing": "a day such as 2027-01-31",
    "date_from_datetime_parsing": "a day such as 2027-01-31",
    "date_from_datetime_inexact": "a day such as 2027-01-31",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}
_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}


def read_model(model: type[Model], value: object) -> Model:
    """The value as a model, without guessing: a number in quotes is not a number; raises ValidationError."""
    # JSON, because pydantic's strict Python mode refuses a list where a tuple is declared.
    return model.model_validate_json(json.dumps(value), strict=True, by_alias=True, by_name=False)


def find_mistakes(model: type[BaseModel], value: object) -> list[Mistake]:
    """All that keeps the value from being such a model; none where it is one."""
    if value is None:
        return [Mistake((), f"is empty; it needs {_listed(_needed_keys(model))}")]
    try:
        read_model(model, value)
    except ValidationError as error:
        return [_mistake(model, one) for one in error.errors(include_url=False)]
    return []


def suggest(word: str, known: Collection[str]) -> str:
    """`did you mean 'x'? ` where a known word is close, else nothing."""
    close = difflib.get_close_matches(word.replace("_", "-"), known, n=1) or difflib.get_close_matches(word, known, n=1)
    return f"did you mean {close[0]!r}? " if close else ""


def _mistake(model: type[BaseModel], error: Any) -> Mistake:
    place: Place = error["loc"]
    if place and place[-1] == "[key]":
        place = place[:-1]
    sentence = _sentence(model, error, place)
    return Mistake(_without_kinds(model, place), sentence)


def _without_kinds(model: type[BaseModel], place: Place) -> Place:
    """The place in the file: where a value may be of several kinds, pydantic names the kind as a step of its own."""
    return tuple(step for index, step in enumerate(place) if step not in _kinds(_annotation_at(model, place[:index])))


def _sentence(model: type[BaseModel], error: Any, place: Place) -> str:
    kind, given, context = error["type"], error.get("input"), error.get("ctx", {})
    if kind == "extra_forbidden":
        allowed = _keys(_model_at(model, place[:-1]))
        return f"unknown key; {suggest(str(place[-1]), allowed)}allowed: {_listed(allowed)}"
    if kind == "missing":
        return f"is missing; give it{_description(_model_at(model, place[:-1]), str(place[-1]))}"
    if kind == "string_pattern_mismatch":
        return _pattern_sentence(str(given), context["pattern"])
    if kind == "literal_error":
        return f"is {_shown(given)}; allowed: {context['expected']}"
    if kind in _BOUNDS:
        bound, words = _BOUNDS[kind]
        return f"is {_shown(given)}; it must be {words} {context[bound]}"
    if kind in ("too_short", "string_too_short"):
        return f"is empty; give at least {context.get('min_length', 1)}"
    if kind in _TYPES:
        quotes = "; put it in quotes" if kind == "string_type" and isinstance(given, int | float) else ""
        return f"is {_shown(given)}; it must be {_TYPES[kind]}{quotes}"
    return str(error["msg"]).removeprefix("Value error, ")


def _pattern_sentence(given: str, pattern: str) -> str:
    left = given.replace(PLACEHOLDER, "")
    if "{" in left or "}" in left:
        return f"{given!r} has a placeholder that nothing fills in; the only one is {PLACEHOLDER}"
    return f"{given!r} is not allowed; use {ALLOWED.get(pattern, f'what matches {pattern}')}"


def _shown(given: object) -> str:
    match given:
        case None:
            return "empty"
        case bool():
            return str(given).lower()
        case int() | float():
            return f"the number {given}"
        case str():
            return f"the text {given[:80]!r}"
        case list():
            return "a list"
    return "a mapping"


def _listed(words: Collection[str]) -> str:
    return ", ".join(words) or "nothing"


def _keys(model: type[BaseModel] | None) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()] if model else []


def _needed_keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items() if field.is_required()]


def _description(model: type[BaseModel] | None, key: str) -> str:
    field = _field(model, key)
    return f": {field.description}" if field and field.description else ""


def _field(model: type[BaseModel] | None, key: str) -> FieldInfo | None:
    fields = model.model_fields.items() if model else ()
    return next((field for name, field in fields if key == (field.alias or name)), None)


def _model_at(model: type[BaseModel], place: Place) -> type[BaseModel] | None:
    current = _unwrapped(_annotation_at(model, place))
    return current if isinstance(current, type) and issubclass(current, BaseModel) else None


def _annotation_at(model: type[BaseModel], place: Place) -> Any:
    current: Any = model
    for step in place:
        if kinds := _kinds(current):
            current = kinds.get(str(step))
            continue
        current = _unwrapped(current)
        if isinstance(current, type) and issubclass(current, BaseModel):
            field = _field(current, str(step))
            current = field.annotation if field else None
        else:
            # A list's items, or a mapping's values.
            current = next((part for part in reversed(get_args(current)) if part is not Ellipsis), None)
    return current


def _kinds(annotation: Any) -> dict[str, Any]:
    """The members of a union whose kind is told by a tag; none for any other annotation."""
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    members = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else ()
    tags = ((member, getattr(member, "__metadata__", ())) for member in members)
    return {tag.tag: member for member, marks in tags for tag in marks if isinstance(tag, Tag)}


def _unwrapped(annotation: Any) -> Any:
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, UnionType):
        return next((part for part in get_args(annotation) if part is not type(None)), None)
    return annotation
