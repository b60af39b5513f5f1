"""What an Application wants: the manifests of its sources, each at a commit."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from deployments.sandbox.argocd.hooks import is_hook
from deployments.sandbox.argocd.render import RenderError
from deployments.sandbox.argocd.repository import Repositories, RepositoryError
from deployments.sandbox.argocd.resources import TRACKING, Document, is_namespaced, key_of, tracking_id
from deployments.sandbox.argocd.source import render_source, sources_of

_KEPT = 64


class TargetStateError(Exception):
    """The manifests cannot be had; `is_repository` where git is to blame and not what was found in it."""

    def __init__(self, reason: str, *, is_repository: bool) -> None:
        super().__init__(f"Failed to load target state: {reason}")
        self.is_repository = is_repository


@dataclass(frozen=True, slots=True)
class Desired:
    """The manifests of one Application, with the revision and the type of each source; never to be changed."""

    revisions: tuple[str, ...]
    source_types: tuple[str, ...]
    manifests: tuple[Document, ...]
    hooks: tuple[Document, ...] = ()


class DesiredStates:
    """Renders, and remembers what it rendered until `forget`, as Argo CD's manifest cache does."""

    def __init__(self, repositories: Repositories) -> None:
        self.repositories = repositories
        self._rendered: dict[str, tuple[str, list[Document]]] = {}

    def forget(self) -> None:
        """Render everything again from now on: what a hard refresh asks for."""
        self._rendered.clear()

    def resolve(self, application: Document) -> tuple[str, ...]:
        """The commit of each source's target revision at its remote; raises TargetStateError."""
        try:
            return tuple(
                self.repositories.resolve(source["repoURL"], source.get("targetRevision") or "")
                for source in sources_of(application)
            )
        except RepositoryError as error:
            raise TargetStateError(f"failed to resolve revision: {error}", is_repository=True) from error

    def at(self, application: Document, revisions: Sequence[str], *, render_from: str | None = None) -> Desired:
        """The manifests at the revisions, or at `render_from` but labelled as asked; raises TargetStateError."""
        rendered_at = [render_from or revision for revision in revisions]
        types: list[str] = []
        manifests: list[Document] = []
        for index in range(len(revisions)):
            kind, found = self._render(application, rendered_at, index)
            types.append(kind)
            manifests += found
        resources = tuple(manifest for manifest in manifests if not is_hook(manifest))
        hooks = tuple(manifest for manifest in manifests if is_hook(manifest))
        return Desired(tuple(revisions), tuple(types), resources, hooks)

    def _render(self, application: Document, revisions: list[str], index: int) -> tuple[str, list[Document]]:
        asked = json.dumps([application["metadata"]["name"], application["spec"], revisions, index], sort_keys=True)
        if asked not in self._rendered:
            try:
                kind, found = render_source(self.repositories, application, revisions, index)
                labelled = [_labelled(application, manifest) for manifest in found]
            except (RepositoryError, RenderError, ValueError) as error:
                place = f"failed to generate manifest for source {index + 1} of {len(revisions)}"
                reason = f"{place}: rpc error: code = Unknown desc = {error}"
                raise TargetStateError(reason, is_repository=isinstance(error, RepositoryError)) from error
            while len(self._rendered) >= _KEPT:
                self._rendered.pop(next(iter(self._rendered)), None)
            self._rendered[asked] = kind, labelled
        return self._rendered[asked]


def _labelled(application: Document, manifest: Document) -> Document:
    """The manifest in its namespace, with the mark that tells whose it is; hooks carry none."""
    metadata = dict(manifest["metadata"])
    if is_namespaced(manifest["kind"]) and not metadata.get("namespace"):
        metadata["namespace"] = application["spec"]["destination"].get("namespace", "default")
    labelled = {**manifest, "metadata": metadata}
    annotations = metadata.get("annotations") or {}
    if is_hook(labelled):
        return labelled
    mark = tracking_id(application["metadata"]["name"], key_of(labelled))
    metadata["annotations"] = annotations | {TRACKING: mark}
    return labelled
