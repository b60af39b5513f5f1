"""SLSA provenance: which builder made an image, from which commit of which repository, with which base image.

https://slsa.dev/spec/v1.0/provenance; verifying is held to https://slsa.dev/spec/v1.0/verifying-artifacts
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tasks.domain.image import ImageReference

BUILD_TYPE = "urn:tidegate:build:v1"
# What a build of this type takes from outside; whoever verifies refuses any other.
_EXTERNAL = {"repository", "ref", "commit"}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an image must come from: the repository's address, the full SHA, and the builder's URI."""

    repository: str
    commit: str
    builder: str


@dataclass(frozen=True, slots=True)
class BuildRecord:
    """One build: its origin, and what was used for it; `run` is the address of the run that did it."""

    origin: Origin
    branch: str
    started: datetime
    finished: datetime
    run: str
    bases: tuple[ImageReference, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)


def provenance(record: BuildRecord) -> dict[str, Any]:
    """The predicate; what the platform's own configuration says of the build are internal parameters."""
    origin, ref = record.origin, f"refs/heads/{record.branch}"
    source = {"uri": f"git+{origin.repository}@{ref}", "digest": {"gitCommit": origin.commit}}
    return {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {"repository": origin.repository, "ref": ref, "commit": origin.commit},
            "internalParameters": dict(record.parameters),
            "resolvedDependencies": [source, *(_base(image) for image in record.bases)],
        },
        "runDetails": {
            "builder": {"id": origin.builder},
            "metadata": {
                "invocationId": record.run,
                "startedOn": _time(record.started),
                "finishedOn": _time(record.finished),
            },
        },
    }


def problem_with_provenance(predicate: Mapping[str, Any], origin: Origin) -> str | None:
    """Why this predicate does not prove the origin, in words that follow "the provenance"; None where it does."""
    definition, details = _part(predicate, "buildDefinition"), _part(predicate, "runDetails")
    builder = _part(details, "builder").get("id")
    if builder != origin.builder:
        return f"names the builder {builder or 'nobody'}, not {origin.builder}"
    if definition.get("buildType") != BUILD_TYPE:
        return f"is of a build of another type: {definition.get('buildType')}"
    given = _part(definition, "externalParameters")
    if unknown := sorted(given.keys() - _EXTERNAL):
        return f"has an external parameter that no build of ours has: {unknown[0]}"
    if given.get("repository") != origin.repository:
        return f"names the repository {given.get('repository') or 'none'}, not {origin.repository}"
    if given.get("commit") != origin.commit or origin.commit not in _commits(definition, origin.repository):
        return f"names the commit {given.get('commit') or 'none'}, not {origin.commit}"
    return None


def _commits(definition: Mapping[str, Any], repository: str) -> set[Any]:
    listed = definition.get("resolvedDependencies")
    sources = [one for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []
    start = f"git+{repository}@"
    return {_part(one, "digest").get("gitCommit") for one in sources if str(one.get("uri")).startswith(start)}


def _base(image: ImageReference) -> dict[str, Any]:
    name = f"pkg:docker/{image.repository}" + (f"@{image.tag}" if image.tag else "")
    return {"uri": name} | ({"digest": {"sha256": image.digest.removeprefix("sha256:")}} if image.digest else {})


def _part(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = document.get(name)
    return value if isinstance(value, Mapping) else {}


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
