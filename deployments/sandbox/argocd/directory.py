"""Reads a plain folder of YAML and JSON manifests."""

import json
import posixpath
from collections.abc import Mapping

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from deployments.sandbox.argocd.resources import Document

_MANIFESTS = (".yaml", ".yml", ".json")
_KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")


def read_directory(files: Mapping[str, str], folder: str, *, recurse: bool) -> list[Document]:
    """Every manifest in the folder, in the order of file names; raises ValueError where one is not a manifest."""
    found: list[Document] = []
    for path in sorted(files):
        inside = path if folder == "." else path.removeprefix(f"{folder}/")
        if (folder != "." and inside == path) or ("/" in inside and not recurse):
            continue
        if posixpath.basename(path) in _KUSTOMIZATIONS:
            raise ValueError(f"{path} asks for kustomize, which the sandbox lacks; use a plain folder or a chart")
        if path.endswith(_MANIFESTS):
            found += _manifests(path, files[path])
    return found


def _manifests(path: str, text: str) -> list[Document]:
    try:
        documents = [document for document in YAML(typ="safe", pure=True).load_all(text) if document is not None]
    except YAMLError as error:
        raise ValueError(f'Failed to unmarshal "{path}": {error}') from error
    for document in documents:
        if not isinstance(document, dict) or not {"apiVersion", "kind"} <= set(document):
            raise ValueError(f'Failed to unmarshal "{path}": a document has no apiVersion or no kind')
        if not isinstance(document.get("metadata"), dict) or not document["metadata"].get("name"):
            raise ValueError(f'Failed to unmarshal "{path}": {document["kind"]} has no metadata.name')
    # JSON has no dates and shares nothing: what YAML reads as one is a text to Kubernetes, and aliases are copies.
    return [json.loads(json.dumps(document, default=str)) for document in documents]
