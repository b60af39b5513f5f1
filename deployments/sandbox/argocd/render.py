"""Renders just enough of Helm for a real chart; what it cannot render is an error that says so, never a guess."""

import posixpath
from collections.abc import Mapping, Sequence
from typing import Any

from deployments.sandbox.argocd.helm_evaluate import Evaluator, Top
from deployments.sandbox.argocd.helm_syntax import parse
from deployments.sandbox.argocd.helm_tree import Part, RenderError
from deployments.sandbox.argocd.helm_values import merged, parameter_values, read_values
from deployments.sandbox.argocd.strict_yaml import YamlFault, load_documents

__all__ = ["RenderError", "render_chart"]

_UNSUPPORTED = ("values.schema.json", ".helmignore", "requirements.yaml", "charts/", "crds/")
_MANIFESTS = (".yaml", ".yml")
_CHART_FIELDS = {"name": "Name", "version": "Version", "appVersion": "AppVersion", "description": "Description"}


def render_chart(
    files: Mapping[str, str],
    chart_path: str,
    *,
    value_files: Sequence[str] = (),
    release_name: str,
    namespace: str,
    parameters: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """The manifests of the chart at `chart_path`, in the order of its template files.

    `files` are the texts of a repository at one commit by path; only those of the chart and the value files are read.
    `value_files` are relative to the chart, as in an Application. `parameters` are helm.parameters by name. Raises
    RenderError, which Argo CD shows as a ComparisonError.
    """
    chart = posixpath.normpath(chart_path)
    metadata = _chart_metadata(files, chart)
    values = read_values(f"{chart}/values.yaml", files.get(_inside(chart, "values.yaml"), ""))
    for name in value_files:
        path = _value_file(files, chart, name)
        values = merged(values, read_values(path, files[path]))
    # Helm lays --set over the files before it lays both over the chart; null takes away in every case.
    values = merged(values, parameter_values(parameters or {}))
    release = {"Name": release_name, "Namespace": namespace, "Service": "Helm", "Revision": 1}
    release |= {"IsInstall": True, "IsUpgrade": False}
    top = Top(Values=values, Release=Top(release), Chart=Top(metadata))
    return [manifest for path, text in _rendered(files, chart, top) for manifest in _manifests(path, text)]


def _chart_metadata(files: Mapping[str, str], chart: str) -> dict[str, str]:
    path = _inside(chart, "Chart.yaml")
    if path not in files:
        raise RenderError(f"{path} is missing: there is no chart at {chart}")
    declared = read_values(path, files[path])
    if declared.get("apiVersion") not in ("v1", "v2") or declared.get("type", "application") != "application":
        raise RenderError(f"{path}: only application charts of apiVersion v1 and v2 are rendered by the sandbox")
    if declared.get("dependencies"):
        raise RenderError(f"{path}: dependencies are not rendered by the sandbox")
    for name in _UNSUPPORTED:
        if any(file == _inside(chart, name) or file.startswith(_inside(chart, name) + "/") for file in files):
            raise RenderError(f"{_inside(chart, name)} is not rendered by the sandbox")
    for field in ("name", "version"):
        if not declared.get(field):
            raise RenderError(f"{path}: {field} is missing")
    for field in _CHART_FIELDS:
        if not isinstance(declared.get(field, ""), str):
            raise RenderError(f"{path}: {field} is not a text; quote it")
    return {go_name: declared.get(field, "") for field, go_name in _CHART_FIELDS.items()}


def _value_file(files: Mapping[str, str], chart: str, name: str) -> str:
    path = _inside(chart, name)
    if name.startswith("/") or path.startswith("../") or "://" in name:
        raise RenderError(f"the value file {name} is outside the repository; give a path relative to {chart}")
    if path not in files:
        raise RenderError(f"open {path}: no such file or directory: the value file {name} is missing")
    return path


def _rendered(files: Mapping[str, str], chart: str, top: Top) -> list[tuple[str, str]]:
    folder = _inside(chart, "templates") + "/"
    parsed: dict[str, list[Part]] = {}
    defined: dict[str, list[Part]] = {}
    for path in sorted(path for path in files if path.startswith(folder) and path.endswith((*_MANIFESTS, ".tpl"))):
        parsed[path], its_own = parse(path, files[path])
        for name in its_own.keys() & defined.keys():
            raise RenderError(f"{path}: {name!r} is defined in another file too; give each template a name of its own")
        defined |= its_own
    evaluator = Evaluator(defined)
    shown = [path for path in parsed if path.endswith(_MANIFESTS) and not posixpath.basename(path).startswith("_")]
    return [(path, evaluator.text_of(parsed[path], top)) for path in shown]


def _manifests(path: str, text: str) -> list[dict[str, Any]]:
    try:
        documents = load_documents(text)
    except YamlFault as problem:
        raise RenderError(f"{path}: what it renders to is not YAML that can be relied on: {problem}") from problem
    for document in documents:
        if not isinstance(document, dict):
            raise RenderError(f"{path}: a document that it renders to is no mapping")
        for field in ("apiVersion", "kind"):
            if not isinstance(document.get(field), str):
                raise RenderError(f"{path}: Object '{field}' is missing in a document that it renders to")
        metadata = document.get("metadata")
        if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
            raise RenderError(f"{path}: {document['kind']} has no metadata.name")
    return documents


def _inside(chart: str, name: str) -> str:
    return posixpath.normpath(f"{chart}/{name}")
