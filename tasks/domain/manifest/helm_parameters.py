"""The inline Helm parameters of an Argo CD Application: a list of name and value, as Helm's --set takes them.

https://argo-cd.readthedocs.io/en/stable/user-guide/helm/#helm-parameters
"""

import re
from collections.abc import Mapping

from tasks.domain.delivery.manifest import Manifest
from tasks.domain.errors import InvalidImageReference, InvalidManifest
from tasks.domain.image import ImageReference
from tasks.domain.manifest.image_parts import PARTS, read_parts
from tasks.domain.manifest.keys import not_an_image, only, read_reference, set_keys, wanted_here
from tasks.domain.yaml.addition import Value
from tasks.domain.yaml.edit import Edit, NewItem
from tasks.domain.yaml.node import Node

# What --set makes a number, a boolean or a null of; it keeps fractions and leading zeros as texts.
_NOT_A_TEXT = re.compile(r"-?(0|[1-9][0-9]*)|true|false|null")
_FORCE_STRING = "forceString"

HelmParameters = Mapping[str, Node]
"""The list's items by what they are: a part of the image, or `reference` for the whole of it."""


def find_parameters(helm: Node, at: str) -> HelmParameters:
    """The items that name the image at this path; empty where there are none."""
    listed = helm.get("parameters")
    parts = {f"{at}.{part}": part for part in PARTS} | {at: "reference"}
    found: dict[str, list[Node]] = {}
    for item in listed.items() if listed is not None else ():
        name = item.get("name")
        if name is not None and name.is_scalar and name.value in parts:
            found.setdefault(name.value, []).append(item)
    items = {name: only(same, f"the parameter '{name}'") for name, same in found.items()}
    return {parts[name]: item for name, item in items.items() if item is not None}


def read_parameters(parameters: HelmParameters) -> ImageReference | None:
    """The image that they name; None where they name none yet."""
    if (whole := parameters.get("reference")) is not None:
        value = whole.get("value")
        return read_reference(value, value.value) if value is not None else None
    try:
        return read_parts(_parts(parameters))
    except InvalidImageReference as error:
        raise not_an_image(next(iter(parameters.values())), error) from error


def edit_parameters(parameters: HelmParameters, manifest: Manifest, image: ImageReference) -> list[Edit]:
    """What has to change for them to name the image."""
    model = list(parameters.values())[-1]
    if "reference" in parameters:
        if len(parameters) > 1:
            why = f"both '{manifest.at}' and parts of it are parameters here; leave one of both"
            raise model.yaml.refusal(model.event, why)
        return _set(parameters["reference"], str(image), manifest)
    wanted = wanted_here(model, _parts(parameters), manifest, image)
    edits: list[Edit] = []
    for part, value in wanted.items():
        if part in parameters:
            edits += _set(parameters[part], value, manifest)
        else:
            edits.append(_new(model, f"{manifest.at}.{part}", value, manifest))
    return edits


def _parts(parameters: HelmParameters) -> dict[str, str | None]:
    values = {part: item.get("value") for part, item in parameters.items()}
    return {part: value.value if value is not None else None for part, value in values.items()}


def _set(item: Node, value: str, manifest: Manifest) -> list[Edit]:
    wanted: dict[str, Value] = {"value": value}
    forced = item.get(_FORCE_STRING)
    if _NOT_A_TEXT.fullmatch(value) and (forced is None or forced.value != "true"):
        if forced is not None or not manifest.may_add_keys:
            why = f"Helm would not take {value!r} for a text; add 'forceString: true' to the parameter"
            raise item.yaml.refusal(item.event, why)
        wanted[_FORCE_STRING] = True
    return set_keys(item, wanted, manifest, behind=("value", "name"))


def _new(model: Node, name: str, value: str, manifest: Manifest) -> Edit:
    if not manifest.may_add_keys:
        why = f"there is no parameter '{name}'; add one and let the chart use it, or set may-add-keys"
        raise InvalidManifest(f"{model.yaml.file}:{model.line}: {why}")
    forced = {_FORCE_STRING: True} if _NOT_A_TEXT.fullmatch(value) else {}
    return NewItem(model, {"name": name, "value": value, **forced})
