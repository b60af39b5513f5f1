"""How Argo CD renders an application: what helm or kustomize has to be told to come to the same manifests."""

import json
import posixpath
from dataclasses import dataclass

from tasks.domain.argocd.answers import Json


@dataclass(frozen=True, slots=True)
class Recipe:
    """A folder of our repository, and for a chart what it is rendered with.

    `values` are texts in YAML that count after the value files; `set_values` and `set_texts` are parameters, the latter
    those that stay texts.
    """

    path: str
    release: str
    namespace: str
    value_files: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    set_values: tuple[str, ...] = ()
    set_texts: tuple[str, ...] = ()


def read_recipe(application: Json, source: int) -> Recipe | str:
    """The recipe for that source of an Application, or a sentence about what in it cannot be done outside Argo CD."""
    spec = application.get("spec") or {}
    sources = spec.get("sources") or [spec.get("source") or {}]
    chosen, helm = sources[source], sources[source].get("helm") or {}
    if len(sources) > 1 or any(str(name).startswith("$") for name in helm.get("valueFiles") or ()):
        return "it has several sources"
    for part in ("chart", "kustomize", "plugin"):
        if chosen.get(part):
            return f"its source has `{part}` settings of its own"
    if helm.get("fileParameters"):
        return "its source has `fileParameters`"
    values = [helm["values"]] if helm.get("values") else []
    values += [json.dumps(helm["valuesObject"])] if helm.get("valuesObject") else []
    given = [
        (bool(one.get("forceString")), f"{one['name']}={one.get('value', '')}") for one in helm.get("parameters") or ()
    ]
    path = posixpath.normpath(chosen.get("path") or ".")
    return Recipe(
        path=path,
        release=helm.get("releaseName") or application["metadata"]["name"],
        namespace=(spec.get("destination") or {}).get("namespace") or "default",
        value_files=tuple(_inside(path, str(name)) for name in helm.get("valueFiles") or ()),
        values=tuple(values),
        set_values=tuple(text for is_text, text in given if not is_text),
        set_texts=tuple(text for is_text, text in given if is_text),
    )


def _inside(path: str, value_file: str) -> str:
    # A leading slash is the repository's root.
    return posixpath.normpath(posixpath.join("/", path, value_file)).lstrip("/")
