"""An image in the parts that values files keep it in: registry, repository, tag and digest, each under its own key.

Pure texts: where the keys stand is the matter of tasks.domain.manifest.helm_values and its neighbours.
"""

from collections.abc import Mapping

from tasks.domain.errors import InvalidImageReference
from tasks.domain.image import ImageReference

PARTS = ("registry", "repository", "tag", "digest")


def read_parts(parts: Mapping[str, str | None]) -> ImageReference | None:
    """The image that the parts name, with None for a part that is there without a value.

    None where neither tag nor digest has one. A tag may bring the digest along, as TAG@DIGEST. Raises
    InvalidImageReference.
    """
    tag, _, digest_in_tag = (parts.get("tag") or "").partition("@")
    digest = parts.get("digest")
    if digest and digest_in_tag:
        raise InvalidImageReference("there is a digest in the tag, and another under 'digest'; leave one of them out")
    digest = digest or digest_in_tag or None
    if not tag and digest is None:
        return None
    return ImageReference("/".join(filter(None, (parts.get("registry"), parts.get("repository")))), tag or None, digest)


def wanted_parts(
    parts: Mapping[str, str | None], image: ImageReference, *, digest_in_tag: bool = False
) -> dict[str, str]:
    """What each part must be, for the parts that are there and those that are needed beside them; empty is cleared.

    A tag is not needed beside a digest, but a wrong one misleads, so one that is there is set or cleared. The digest
    goes into the tag where that is asked for, or where there is one in it already and no part for it. Raises
    InvalidImageReference for an image without a tag there.
    """
    wanted = {"repository": image.repository, "tag": image.tag or "", "digest": image.digest or ""}
    if "digest" not in parts and (digest_in_tag or "@" in (parts.get("tag") or "")):
        if image.digest and not image.tag:
            raise InvalidImageReference(f"{image} has no tag, but the digest stands behind the tag here; give it one")
        wanted["tag"] = f"{image.tag}@{wanted.pop('digest')}" if image.digest else wanted["tag"]
        wanted.pop("digest", None)
    if parts.get("registry"):
        wanted["registry"], wanted["repository"] = _split(image.repository)
    is_needed = {"repository", "digest"} if "digest" in wanted and image.digest else {"repository", "tag"}
    return {part: value for part, value in wanted.items() if part in parts or (value and part in is_needed)}


def _split(repository: str) -> tuple[str, str]:
    """Host and path; the host is empty where the first part is none, as in Docker's own rule."""
    host, _, path = repository.partition("/")
    is_host = bool(path) and ("." in host or ":" in host or host == "localhost")
    return (host, path) if is_host else ("", repository)
