"""Renders one source of an Application: a Helm chart or a plain folder of manifests."""

import json
import posixpath
from collections.abc import Sequence

from deployments.sandbox.argocd.directory import read_directory
from deployments.sandbox.argocd.render import render_chart
from deployments.sandbox.argocd.repository import Repositories
from deployments.sandbox.argocd.resources import Document

# What is rendered here; anything else is refused, never left out.
_SOURCE_KEYS = {"repoURL", "path", "targetRevision", "helm", "directory", "ref", "name"}
_HELM_KEYS = {"valueFiles", "values", "valuesObject", "parameters", "releaseName"}
_INLINE_VALUES = ".application-values.yaml"


def sources_of(application: Document) -> list[Document]:
    """The sources; `sources` wins over `source` where it is not empty, and what is hydrated over both."""
    spec = application["spec"]
    if hydrator := spec.get("sourceHydrator"):
        sync = hydrator["syncSource"]
        synced = {"repoURL": hydrator["drySource"]["repoURL"], "targetRevision": sync["targetBranch"]}
        return [synced | {"path": sync["path"]}]
    return list(spec.get("sources") or [spec["source"]])


def render_source(
    repositories: Repositories, application: Document, revisions: Sequence[str], index: int
) -> tuple[str, list[Document]]:
    """The source's type and its manifests; raises RepositoryError, RenderError or ValueError."""
    source = sources_of(application)[index]
    _refuse_unknown(source, _SOURCE_KEYS, "source")
    if source.get("ref") and not source.get("path"):
        return "Directory", []
    files = repositories.files(source["repoURL"], revisions[index])
    folder = posixpath.normpath(source.get("path") or ".")
    if folder != "." and not any(path.startswith(f"{folder}/") for path in files):
        raise ValueError(f"{source['path']}: app path does not exist")
    if "helm" in source or posixpath.normpath(f"{folder}/Chart.yaml") in files:
        return "Helm", _render_helm(repositories, application, revisions, index)
    directory = source.get("directory") or {}
    _refuse_unknown(directory, {"recurse"}, "source.directory")
    return "Directory", read_directory(files, folder, recurse=bool(directory.get("recurse")))


def _render_helm(
    repositories: Repositories, application: Document, revisions: Sequence[str], index: int
) -> list[Document]:
    source = sources_of(application)[index]
    helm = source.get("helm") or {}
    _refuse_unknown(helm, _HELM_KEYS, "source.helm")
    chart = posixpath.normpath(source["path"])
    files = dict(repositories.files(source["repoURL"], revisions[index]))
    files |= _referenced_files(repositories, sources_of(application), revisions)
    value_files = [_relative_to(chart, name, files) for name in helm.get("valueFiles") or []]
    # Values in the Application come after its files and before its parameters, as Argo CD documents.
    if inline := json.dumps(helm["valuesObject"]) if helm.get("valuesObject") else helm.get("values"):
        files[posixpath.normpath(f"{chart}/{_INLINE_VALUES}")] = inline
        value_files.append(_INLINE_VALUES)
    return render_chart(
        files,
        chart,
        value_files=value_files,
        release_name=helm.get("releaseName") or application["metadata"]["name"],
        namespace=application["spec"]["destination"].get("namespace", ""),
        parameters={one["name"]: str(one.get("value", "")) for one in helm.get("parameters") or []},
    )


def _referenced_files(repositories: Repositories, sources: list[Document], revisions: Sequence[str]) -> dict[str, str]:
    """The files of every source that has a `ref`, below a folder of that name with a dollar sign."""
    return {
        f"${source['ref']}/{path}": text
        for source, revision in zip(sources, revisions, strict=True)
        if source.get("ref")
        for path, text in repositories.files(source["repoURL"], revision).items()
    }


def _relative_to(chart: str, name: str, files: dict[str, str]) -> str:
    """Where the chart finds a value file: `$ref/path`, `/path` from the repository's root, or relative already."""
    if not name.startswith(("$", "/")):
        return name
    path = posixpath.normpath(name.lstrip("/"))
    if path not in files:
        raise ValueError(f"the value file {name} does not exist")
    return posixpath.relpath(path, chart)


def _refuse_unknown(given: Document, known: set[str], where: str) -> None:
    if surplus := sorted(key for key in set(given) - known if given[key]):
        raise ValueError(f"{where}.{surplus[0]} is not something the sandbox renders; use a plain folder or a chart")
