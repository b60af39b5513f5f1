"""Desired state: reads and changes the image that an environment runs, in the GitOps repository.

Its other half is blocks.gitops. A change is one commit with trailers on the branch that Argo CD follows; git plumbing
stands in tasks.gitops_mirror, the edit of the text in tasks.domain.manifest. In all of these
`manifest.file` is the path itself, with the application's name filled in.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from blocks.gitops import GitOpsRepository
from tasks.domain.delivery.manifest import Manifest
from tasks.domain.errors import ConfigurationError, DesiredStateConflict, InvalidManifest
from tasks.domain.image import COMMIT, ImageReference
from tasks.domain.manifest.formats import read_image, set_image
from tasks.domain.promotion.history import Change, parse_change, promotion_message
from tasks.gitops_mirror import REVISION, GitOpsMirror, TreeFile, open_mirror
from tasks.retry import outside_task

_TRIES = 10
# Seconds; the pause before the next try is random below this, doubled each time up to the second.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
# How far back the commit that brought an image in is looked for, and how many changes a history shows.
_MOST_EDITS = 200
_MOST_CHANGES = 500


@dataclass(frozen=True, slots=True)
class DesiredState:
    """The image that the branch names at `revision`, None where it names none yet, and the manifest's whole text."""

    image: ImageReference | None
    revision: str
    text: str


@dataclass(frozen=True, slots=True)
class Written:
    """The commit on the branch that brought the image in; `changed` says whether it is a new one."""

    revision: str
    changed: bool


@outside_task("read {manifest.file}")
def read_desired_state(repository: GitOpsRepository, manifest: Manifest) -> DesiredState:
    """What the branch holds now.

    Raises InvalidManifest where the file is missing or not as its format asks, ConfigurationError where the branch is
    missing, AccessRefused and Unreachable.
    """
    with open_mirror(repository) as mirror:
        head = mirror.fetch()
        file = _file(mirror, repository, manifest, head)
    return DesiredState(read_image(file.text, manifest, file=file.path), head, file.text)


@outside_task("history of {application} in {environment}")
def read_history(repository: GitOpsRepository, application: str, environment: str) -> tuple[Change, ...]:
    """The latest 500 changes of an application in an environment, newest first; raises as read_desired_state."""
    with open_mirror(repository) as mirror:
        return _history(mirror, mirror.fetch(), application, environment)


@outside_task("write {change.application} to {change.environment}")
def write_image(
    repository: GitOpsRepository,
    manifest: Manifest,
    image: ImageReference,
    change: Change,
    *,
    expected_digest: str | None = None,
) -> Written:
    """Put the image into the manifest with one commit on the branch; where it is in it already, find that commit.

    With `expected_digest` only if the manifest still holds that one. Raises DesiredStateConflict where it does not, or
    where the branch moved on during each of ten tries; InvalidManifest, InvalidImageReference and ConfigurationError
    where something given is wrong; AccessRefused, also where the branch takes no push from us; Unreachable.
    """
    if image.digest != change.digest:
        raise ConfigurationError(f"the change is to {change.digest}, but the image is {image}; give the same digest")
    return _write(
        repository, lambda mirror: _try_to_write(mirror, repository, manifest, image, change, expected_digest)
    )


@outside_task("note on {change.application} in {change.environment}")
def write_note(repository: GitOpsRepository, change: Change) -> Written:
    """Record a change that touches no file, such as the end of a quarantine, as an empty commit on the branch.

    Where the newest change of this digest in the environment says the same already, that commit is found and nothing is
    written. Raises ConfigurationError for a change of an image, and what write_image raises.
    """
    if not change.clears_quarantine:
        raise ConfigurationError("a change of an image needs a manifest; write it with write_image")
    return _write(repository, lambda mirror: _try_to_note(mirror, change))


@outside_task("is {ancestor} in {revision}")
def contains(repository: GitOpsRepository, ancestor: str, revision: str) -> bool | None:
    """Whether `revision` is `ancestor` or comes after it; None where one of them is not in the repository."""
    if not (COMMIT.fullmatch(ancestor) and COMMIT.fullmatch(revision)):
        return None
    with open_mirror(repository) as mirror:
        if not (_find(mirror, ancestor) and _find(mirror, revision)):
            return None
        return mirror.is_ancestor(ancestor, revision)


@outside_task("image in {manifest.file} at {revision}")
def image_at(repository: GitOpsRepository, manifest: Manifest, revision: str) -> ImageReference | None:
    """The image that the manifest named in that commit, or with SHA^ in the one before; None where it named none.

    None also where the repository has no such commit, or the commit no such file.
    """
    with open_mirror(repository) as mirror:
        if not _find(mirror, revision):
            return None
        file = mirror.read(revision, manifest.file)
    return read_image(file.text, manifest, file=file.path) if file else None


def _write(repository: GitOpsRepository, attempt: Callable[[GitOpsMirror], Written | None]) -> Written:
    for number in range(_TRIES):
        if number:
            longest = min(_FIRST_PAUSE * 2.0**number, _LONGEST_PAUSE)
            time.sleep(random.uniform(0, longest))  # noqa: S311 - it only has to differ between writers
        with open_mirror(repository) as mirror:
            written = attempt(mirror)
        if written is not None:
            return written
    raise DesiredStateConflict(
        f"branch '{repository.branch}' of {repository.url} moved on during each of {_TRIES} pushes; try again later"
    )


def _find(mirror: GitOpsMirror, revision: str) -> bool:
    if mirror.knows(revision):
        return True
    if not REVISION.fullmatch(revision):
        return False
    mirror.fetch()
    return mirror.knows(revision)


def _file(mirror: GitOpsMirror, repository: GitOpsRepository, manifest: Manifest, revision: str) -> TreeFile:
    file = mirror.read(revision, manifest.file)
    if file is None:
        raise InvalidManifest(
            f"{manifest.file}: there is no such file on branch '{repository.branch}' of {repository.url}; "
            "add it, or correct the file of the environment's manifest"
        )
    return file


def _try_to_write(
    mirror: GitOpsMirror,
    repository: GitOpsRepository,
    manifest: Manifest,
    image: ImageReference,
    change: Change,
    expected_digest: str | None,
) -> Written | None:
    """None where somebody else pushed between our fetch and our push."""
    head = mirror.fetch()
    file = _file(mirror, repository, manifest, head)
    current = read_image(file.text, manifest, file=file.path)
    if _is_same(current, image):
        return Written(_introduced(mirror, manifest, head, image), changed=False)
    if expected_digest is not None and (current is None or current.digest != expected_digest):
        by = _introduced(mirror, manifest, head, current)
        raise DesiredStateConflict(
            f"{file.path} holds {current or 'no image'} since commit {by}, not {expected_digest} any more; "
            "nothing was written, look at that commit and decide again"
        )
    edited = replace(file, text=set_image(file.text, manifest, image, file=file.path))
    commit = mirror.commit(head, edited, promotion_message(change))
    return Written(commit, changed=True) if mirror.push(commit) else None


def _history(mirror: GitOpsMirror, head: str, application: str, environment: str) -> tuple[Change, ...]:
    lines = (f"Tidegate-Application: {application}", f"Tidegate-Environment: {environment}")
    found = mirror.messages(head, lines, limit=_MOST_CHANGES)
    changes = (parse_change(message, sha, datetime.fromisoformat(date)) for sha, date, message in found)
    # The texts may also stand elsewhere in a message, or be the beginning of a longer name.
    return tuple(c for c in changes if c and (c.application, c.environment) == (application, environment))


def _try_to_note(mirror: GitOpsMirror, change: Change) -> Written | None:
    head = mirror.fetch()
    for known in _history(mirror, head, change.application, change.environment):
        if change.digest in (known.digest, known.rollback_of):
            if known.clears_quarantine:
                return Written(known.revision, changed=False)
            break
    commit = mirror.commit(head, None, promotion_message(change))
    return Written(commit, changed=True) if mirror.push(commit) else None


def _introduced(mirror: GitOpsMirror, manifest: Manifest, head: str, image: ImageReference | None) -> str:
    """The commit since which the branch names this image without a break, as `head` does."""
    found = head
    for revision in mirror.touched(head, manifest.file, limit=_MOST_EDITS):
        if not _holds(mirror, manifest, revision, image):
            break
        found = revision
    return found


def _holds(mirror: GitOpsMirror, manifest: Manifest, revision: str, image: ImageReference | None) -> bool:
    try:
        file = mirror.read(revision, manifest.file)
        return file is not None and _is_same(read_image(file.text, manifest, file=file.path), image)
    except InvalidManifest:
        # It did not name any image at that time.
        return False


def _is_same(one: ImageReference | None, other: ImageReference | None) -> bool:
    if one is None or other is None:
        return one is other
    # The tag is for people: another one on the same digest is no other image.
    return (one.repository, one.digest) == (other.repository, other.digest)
