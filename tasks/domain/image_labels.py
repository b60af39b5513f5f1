"""The labels that say where an image comes from, in the names of OCI's image specification.

https://github.com/opencontainers/image-spec/blob/main/annotations.md
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tasks.domain.commit import CommitFacts
from tasks.domain.image import ImageReference

_PREFIX = "org.opencontainers.image."
REVISION = _PREFIX + "revision"
_CREATED = _PREFIX + "created"


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What an image in the registry says about itself; its labels are the builder's claim."""

    digest: str
    labels: Mapping[str, str] = field(default_factory=dict)
    platform: str = ""

    @property
    def revision(self) -> str:
        """The commit that it was built from; empty where it does not say."""
        return self.labels.get(REVISION, "")

    @property
    def source(self) -> str:
        """The address of the repository that it was built from."""
        return self.labels.get(_PREFIX + "source", "")

    @property
    def created(self) -> str:
        """The commit's time, RFC 3339."""
        return self.labels.get(_PREFIX + "created", "")

    @property
    def version(self) -> str:
        """What people call this release."""
        return self.labels.get(_PREFIX + "version", "")


def image_labels(
    *, title: str, source: str, commit: CommitFacts, version: str | None = None, base: ImageReference | None = None
) -> dict[str, str]:
    """The labels of an image of `commit`: the same for every build of it, so that builds can be compared.

    `source` is the repository's address for people; without a `version` it is the full SHA, like the tag.
    Of the `base` image the digest is there only where the Dockerfile pins it.
    """
    named = {_PREFIX + "base.name": f"{base.repository}{f':{base.tag}' if base.tag else ''}"} if base else {}
    pinned = {_PREFIX + "base.digest": base.digest} if base and base.digest else {}
    return {
        _PREFIX + "title": title,
        _PREFIX + "source": source,
        REVISION: commit.sha,
        _PREFIX + "created": commit.committed_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        _PREFIX + "version": version or commit.sha,
        **named,
        **pinned,
    }


def source_date_epoch(labels: Mapping[str, str]) -> str | None:
    """The time of the label `created` as builders want it (https://reproducible-builds.org/docs/source-date-epoch/)."""
    created = labels.get(_CREATED)
    return str(int(datetime.fromisoformat(created).timestamp())) if created else None
