"""Which image a manifest in the GitOps repository names, and the same text with another image in its place.

Only the characters of the changed scalars change: a dump of the document would rewrite lines that nobody touched.
"""

from collections.abc import Iterator
from typing import Any

from ruamel.yaml.events import ScalarEvent

from tasks.domain.delivery import Manifest
from tasks.domain.errors import InvalidImageReference, InvalidManifest
from tasks.domain.image import ImageReference
from tasks.domain.scalar import needs_quotes, quoted
from tasks.domain.yaml_text import Scalar, YamlText, find_scalars, parse_yaml

_KEYS = frozenset({"repository", "tag", "digest"})
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


def read_image(text: str, manifest: Manifest, *, file: str) -> ImageReference | None:
    """The image that the manifest names; None where neither tag nor digest has a value yet.

    Raises InvalidManifest with file, line and reason where the text is not what the format asks for.
    """
    places = _places(parse_yaml(text, file=file), manifest)
    values = {key: _value(place) for key, place in places.items()}
    if values.get("tag") is None and values["digest"] is None:
        return None
    try:
        return ImageReference(values["repository"] or "", values.get("tag"), values["digest"])
    except InvalidImageReference as error:
        line = places["repository"].line
        raise InvalidManifest(f"{file}:{line}: '{manifest.at}' does not name an image: {error}") from error


def set_image(text: str, manifest: Manifest, image: ImageReference, *, file: str) -> str:
    """The text with the image's repository, tag and digest in the manifest's place, and nothing else changed.

    A tag that the image does not have is emptied, for a wrong one misleads. Raises InvalidManifest as `read_image`,
    and InvalidImageReference for an image without a digest.
    """
    if image.digest is None:
        raise InvalidImageReference(f"{image} has no digest; desired state names images by digest only")
    yaml = parse_yaml(text, file=file)
    wanted = {"repository": image.repository, "tag": image.tag or "", "digest": image.digest}
    changes = [(place, wanted[key]) for key, place in _places(yaml, manifest).items() if _differs(place, wanted[key])]
    if not changes:
        return text
    edited = text
    for place, value in sorted(changes, key=lambda change: change[0].start, reverse=True):
        edited = edited[: place.start] + _written(place, value, text) + edited[place.end :]
    _check_only_these_changed(yaml, parse_yaml(edited, file=file), changes)
    return edited


def _places(yaml: YamlText, manifest: Manifest) -> dict[str, Scalar]:
    places = find_scalars(yaml, manifest.at, _KEYS)
    for key in ("repository", "digest"):
        if key not in places:
            raise InvalidManifest(
                f"{yaml.file}: '{manifest.at}' has no key '{key}'; add '{key}: \"\"' there and let the chart use it"
            )
    return places


def _value(place: Scalar) -> str | None:
    return None if _is_empty(place) else place.value


def _is_empty(place: Scalar) -> bool:
    return place.value in _NULLS if not place.quote else not place.value


def _differs(place: Scalar, wanted: str) -> bool:
    if not wanted:
        return not _is_empty(place)
    # A plain 1234567 is the number, not the tag, even where the characters are the same.
    return place.value != wanted or (not place.quote and needs_quotes(wanted))


def _written(place: Scalar, value: str, text: str) -> str:
    """How the value is written here: quoted as the old one was, or in double quotes where it cannot be plain."""
    # Between braces older parsers refuse a colon in a plain scalar; where one was, they are not in use.
    is_new_colon = place.is_in_flow and ":" in value and ":" not in place.value
    quote = place.quote or ('"' if needs_quotes(value) or is_new_colon else "")
    written = quoted(value, quote) if quote else value
    is_behind_colon = place.start == place.end and text[place.start - 1] == ":"
    return f" {written}" if is_behind_colon else written


def _check_only_these_changed(before: YamlText, after: YamlText, changes: list[tuple[Scalar, str]]) -> None:
    wanted = {place.event: value for place, value in changes}
    expected = [wanted.get(i, content) for i, content in enumerate(_content(before.events, wanted))]
    if expected != list(_content(after.events, wanted)):
        lines = ", ".join(str(place.line) for place, _ in changes)
        raise InvalidManifest(f"{before.file}: an edit of lines {lines} would change more than these; edit it by hand")


def _content(events: Any, changed: dict[int, str]) -> Iterator[Any]:
    """What each event says, without where it stands and, for the changed scalars, without how they are quoted."""
    for i, event in enumerate(events):
        if not isinstance(event, ScalarEvent):
            yield type(event), getattr(event, "anchor", None), getattr(event, "tag", None)
        elif i in changed:
            yield event.value
        else:
            yield event.value, event.implicit, event.anchor, event.tag
