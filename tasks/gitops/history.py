"""What the GitOps repository's history says: the changes of a place, and since when a file names an image."""

from datetime import datetime

from tasks.domain.delivery.manifest import Manifest
from tasks.domain.errors import InvalidManifest
from tasks.domain.image import ImageReference
from tasks.domain.manifest.formats import read_image
from tasks.domain.promotion.history import Change, parse_changes
from tasks.gitops.mirror import GitOpsMirror

# How many changes a history shows, and how far back the commit that brought an image in is looked for.
_MOST_CHANGES = 500
_MOST_EDITS = 200


def changes_in(mirror: GitOpsMirror, head: str, application: str, environment: str) -> tuple[Change, ...]:
    """The latest 500 changes of an application in an environment, newest first."""
    lines = (f"Tidegate-Application: {application}", f"Tidegate-Environment: {environment}")
    found = mirror.messages(head, lines, limit=_MOST_CHANGES)
    changes = (c for sha, date, message in found for c in parse_changes(message, sha, datetime.fromisoformat(date)))
    # The texts may also stand elsewhere in a message, or be the beginning of a longer name.
    ours = [c for c in changes if (c.application, c.environment) == (application, environment)]
    return tuple(change for change, newer in zip(ours, [None, *ours], strict=False) if not _is_again(change, newer))


def _is_again(change: Change, newer: Change | None) -> bool:
    """Whether the next commit only merged this one, and so says the same once more."""
    if newer is None or not change.run:
        return False
    return (change.digest, change.run, change.rollback_of) == (newer.digest, newer.run, newer.rollback_of)


def introduced(mirror: GitOpsMirror, manifest: Manifest, head: str, image: ImageReference | None) -> str:
    """The commit since which the branch names this image without a break, as `head` does."""
    found, before = head, head
    for _ in range(_MOST_EDITS):
        # One at a time: the change before the newest may be half a history away, and is seldom asked for.
        touch = mirror.newest_touch(before, manifest.file)
        if touch is None:
            break
        found, before = touch, f"{touch}^"
        if not mirror.knows(before) or not holds_at(mirror, before, manifest, image):
            break
    return found


def holds_at(mirror: GitOpsMirror, revision: str, manifest: Manifest, image: ImageReference | None) -> bool:
    """Whether the file named this image in that commit."""
    try:
        file = mirror.read(revision, manifest.file)
    except InvalidManifest:
        return False
    return file is not None and holds(file.text, manifest, image)


def holds(text: str, manifest: Manifest, image: ImageReference | None) -> bool:
    """Whether this text names the image."""
    try:
        return is_same(read_image(text, manifest, file=manifest.file), image)
    except InvalidManifest:
        # It did not name any image at that time.
        return False


def is_same(one: ImageReference | None, other: ImageReference | None) -> bool:
    """Whether both are the same image, whatever people call it."""
    if one is None or other is None:
        return one is other
    # The tag is for people: another one on the same digest is no other image.
    return (one.repository, one.digest) == (other.repository, other.digest)
