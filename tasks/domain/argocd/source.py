"""Finds our GitOps repository among an Argo CD application's sources; refuses applications that follow others."""

import posixpath
import re
from fnmatch import fnmatch
from urllib.parse import urlsplit

from tasks.domain.argocd.answers import Json
from tasks.domain.errors import ConfigurationError

_SCP = re.compile(r"(?:[^@/]+@)?([^:/]+):(?!//)(.+)")
_DEFAULT_PORTS = {"https": 443, "http": 80, "ssh": 22}


def find_source(application: Json, repository: str, branch: str) -> int:
    """The index of the source that follows this repository and branch; raises ConfigurationError where none does."""
    name = (application.get("metadata") or {}).get("name")
    spec = application.get("spec") or {}
    wanted = normal_url(repository)
    ours = [i for i, source in enumerate(_sources(spec)) if normal_url(source.get("repoURL") or "") == wanted]
    if not ours:
        urls = ", ".join(str(source.get("repoURL")) for source in _sources(spec)) or "nothing"
        raise ConfigurationError(
            f"Argo CD application {name} follows {urls}, not {repository}; correct one or the other, or, where the "
            "manifest is the Application itself, name its `parent` in the environment's argocd settings"
        )
    following = [i for i in ours if _follows(_sources(spec)[i], branch)]
    if not following:
        revision = _sources(spec)[ours[0]].get("targetRevision")
        raise ConfigurationError(
            f"Argo CD application {name} follows {revision} of {repository}, not branch {branch}; "
            "correct its targetRevision or the block's branch"
        )
    return following[0]


def refuse_unused_file(application: Json, source: int, file: str) -> None:
    """Raise ConfigurationError where the source is a Helm chart with value files, and `file` is none of them.

    Other kinds of sources may reach a file in ways that cannot be seen from here, such as a kustomize base.
    """
    spec = application.get("spec") or {}
    chosen = _sources(spec)[source]
    used: list[str] = []
    for other in _sources(spec):
        path = other.get("path") or ""
        used += [_in_repository(path, value) for value in (other.get("helm") or {}).get("valueFiles") or ()]
    inside = posixpath.normpath(chosen.get("path") or "")
    is_inside = inside == "." or file.startswith(f"{inside}/")
    if used and not is_inside and not any(fnmatch(file, pattern) for pattern in used):
        name = (application.get("metadata") or {}).get("name")
        raise ConfigurationError(
            f"Argo CD application {name} does not use {file}: its value files are {', '.join(used)}; "
            "correct the environment's manifest file"
        )


def _sources(spec: Json) -> list[Json]:
    # What is hydrated is written by Argo CD; ours is the dry source.
    if dry := (spec.get("sourceHydrator") or {}).get("drySource"):
        return [dry]
    # Where both are given, Argo CD uses the list.
    return spec.get("sources") or ([spec["source"]] if spec.get("source") else [])


def _follows(source: Json, branch: str) -> bool:
    revision = (source.get("targetRevision") or "HEAD").removeprefix("refs/heads/")
    # HEAD is the repository's default branch, whose name cannot be seen from here.
    return revision in {branch, "HEAD"}


def _in_repository(path: str, value_file: str) -> str:
    """A value file's path from the repository's root; `$ref/` and a leading slash start there."""
    if value_file.startswith("$"):
        return posixpath.normpath(value_file.partition("/")[2])
    return posixpath.normpath(posixpath.join("/", path, value_file)).lstrip("/")


def normal_url(url: str) -> str:
    """Host and path of a repository, the same for https, ssh and scp-like spellings of it."""
    scp = _SCP.fullmatch(url)
    if scp and "://" not in url:
        host, path = scp.groups()
    else:
        parts = urlsplit(url)
        host, path = parts.hostname or "", parts.path
        if parts.port and parts.port != _DEFAULT_PORTS.get(parts.scheme):
            host = f"{host}:{parts.port}"
    return f"{host}/{path.strip('/').removesuffix('.git')}".lower()
