"""Whether a rebuild brought anything: the same base images and packages, run the same way, are the same release.

Most builders write the clock into the files they make, so that not even the layers of a rebuild are those of the build
before. What a rebuild is for, newer base images and packages, stands in the provenance and the SBOM. A file that a step
downloads without any package manager does not: pin what is downloaded.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tasks.domain.image_content import ImageContent
from tasks.domain.proof.kinds import CYCLONEDX, PROVENANCE
from tasks.domain.proof.sbom import Package, packages_of
from tasks.domain.proof.statement import Statement


@dataclass(frozen=True, slots=True)
class Contents:
    """What a rebuild may change: settings, base images by digest, and packages; None or nothing where not known."""

    image: ImageContent | None
    bases: frozenset[str] | None
    packages: frozenset[Package]


def contents_of(image: ImageContent | None, statements: tuple[Statement, ...]) -> Contents:
    """From what a trusted key has signed about the image."""
    by_kind = {each.predicate_type: each.predicate for each in statements}
    bases = _bases(by_kind[PROVENANCE]) if PROVENANCE in by_kind else None
    return Contents(image, bases, packages_of(by_kind.get(CYCLONEDX, {})))


def brings_nothing(rebuilt: Contents, before: Contents) -> bool:
    """Whether nothing has changed since; what is not known may have changed."""
    if rebuilt.image is None or before.image is None or rebuilt.bases is None or not rebuilt.packages:
        return False
    run_the_same = (rebuilt.image.platform, rebuilt.image.settings) == (before.image.platform, before.image.settings)
    return run_the_same and (rebuilt.bases, rebuilt.packages) == (before.bases, before.packages)


def _bases(provenance: Mapping[str, Any]) -> frozenset[str] | None:
    """The digests of the base images; None where one is not known."""
    definition = provenance.get("buildDefinition")
    listed = definition.get("resolvedDependencies") if isinstance(definition, Mapping) else None
    if not isinstance(listed, list):
        return None
    images = [one for one in listed if isinstance(one, Mapping) and str(one.get("uri")).startswith("pkg:docker/")]
    digests = [str((one.get("digest") or {}).get("sha256") or "") for one in images]
    return None if "" in digests or not digests else frozenset(digests)
