"""A container image by name: the digest is its identity, the tag is for people."""

import re
from dataclasses import dataclass

from tasks.domain.errors import InvalidImageReference

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
COMMIT = re.compile(r"[0-9a-f]{40}")
# The grammar of https://github.com/distribution/reference, without its length limit on the whole name.
_PATH = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9-]+)*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?"
_REPOSITORY = re.compile(rf"(?:{_HOST}/)?{_PATH}(?:/{_PATH})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True, slots=True)
class ImageReference:
    """A repository with a tag, a digest or both; cannot be made with a malformed part.

    Raises InvalidImageReference where a part is not what the OCI distribution specification allows.
    """

    repository: str
    tag: str | None = None
    digest: str | None = None

    def __post_init__(self) -> None:
        if not _REPOSITORY.fullmatch(self.repository):
            raise InvalidImageReference(f"{self.repository!r} is not an image repository; use HOST/PATH in lower case")
        if self.tag is not None and not _TAG.fullmatch(self.tag):
            raise InvalidImageReference(f"{self.tag!r} is not an image tag; use letters, digits, '.', '_' and '-'")
        if self.digest is not None and not DIGEST.fullmatch(self.digest):
            raise InvalidImageReference(f"{self.digest!r} is not a digest; use sha256: and 64 hexadecimal digits")

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.repository}{tag}{digest}"

    @property
    def short_digest(self) -> str:
        """The first twelve digits of the digest, as people quote it; empty without a digest."""
        return self.digest.removeprefix("sha256:")[:12] if self.digest else ""


def parse_image(text: str) -> ImageReference:
    """Read REPOSITORY[:TAG][@DIGEST]; raises InvalidImageReference."""
    name, at, digest = text.partition("@")
    head, colon, tail = name.rpartition(":")
    # A colon before the last slash belongs to the host's port, not to a tag.
    has_tag = bool(colon) and "/" not in tail
    repository, tag = (head, tail) if has_tag else (name, None)
    return ImageReference(repository, tag, digest if at else None)
