"""Desired state: reads and changes the image that an environment runs, in the GitOps repository.

Its other half is blocks.gitops. A change is one commit with trailers on the branch that Argo CD follows. How it gets
there together with everybody else's stands in tasks.gitops.writer, git's plumbing in tasks.gitops.mirror, the edit of
the text in tasks.domain.manifest. In all of these `manifest.file` is the path itself, with the application's name
filled in.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from blocks.gitops import GitOpsRepository
from tasks.domain.delivery.manifest import Manifest
from tasks.domain.errors import ConfigurationError
from tasks.domain.image import COMMIT, ImageReference
from tasks.domain.manifest.formats import read_image
from tasks.domain.promotion.history import Change
from tasks.gitops.batch import Edit, Written
from tasks.gitops.history import changes_in
from tasks.gitops.mirror import REVISION, GitOpsMirror, open_mirror
from tasks.gitops.proposal import propose
from tasks.gitops.writer import deliver
from tasks.retry import outside_task


@dataclass(frozen=True, slots=True)
class DesiredState:
    """The image that the branch names at `revision`, None where it names none yet, and the manifest's whole text."""

    image: ImageReference | None
    revision: str
    text: str


@outside_task("read {manifest.file}")
def read_desired_state(repository: GitOpsRepository, manifest: Manifest) -> DesiredState:
    """What the branch holds now.

    Raises InvalidManifest where the file is missing or not as its format asks, ConfigurationError where the branch is
    missing, AccessRefused and Unreachable.
    """
    with open_mirror(repository) as mirror:
        head = mirror.fetch()
        file = mirror.read(head, manifest.file)
        if file is None:
            raise mirror.lacks(manifest.file)
    return DesiredState(read_image(file.text, manifest, file=file.path), head, file.text)


@outside_task("history of {application} in {environment}")
def read_history(repository: GitOpsRepository, application: str, environment: str) -> tuple[Change, ...]:
    """The latest 500 changes of an application in an environment, newest first; raises as read_desired_state."""
    with open_mirror(repository) as mirror:
        return changes_in(mirror, mirror.fetch(), application, environment)


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
    return deliver(repository, (Edit(change, manifest, image, expected_digest),))[0]


@outside_task("write {name} together")
def write_together(repository: GitOpsRepository, name: str, edits: Sequence[Edit]) -> tuple[Written, ...]:
    """Make several edits by one commit, or none of them; what is in its manifest already keeps its own commit.

    Where one manifest does not hold its `expected_digest` any more, nothing is written. Raises as write_image does.
    """
    for edit in edits:
        if edit.image is None or edit.image.digest != edit.change.digest:
            raise ConfigurationError(f"{name}: the change is to {edit.change.digest}, but the image is {edit.image}")
    return deliver(repository, tuple(edits))


@outside_task("propose {change.application} to {change.environment}")
def propose_image(
    repository: GitOpsRepository,
    manifest: Manifest,
    image: ImageReference,
    change: Change,
    branch: str,
    *,
    on_newest: bool = False,
) -> str | None:
    """Put the change on a branch of its own, for a pull request; its commit, or None where there is nothing to change.

    A branch that holds the image already is left alone, with `on_newest` only if it also holds the base's newest
    commit. Raises as write_image does.
    """
    return propose(repository, manifest, image, change, branch, on_newest=on_newest)


@outside_task("note on {change.application} in {change.environment}")
def write_note(repository: GitOpsRepository, change: Change) -> Written:
    """Record a change that touches no file, such as the end of a quarantine, as an empty commit on the branch.

    Where the newest change of this digest in the environment says the same already, that commit is found and nothing is
    written. Raises ConfigurationError for a change of an image, and what write_image raises.
    """
    if not change.clears_quarantine:
        raise ConfigurationError("a change of an image needs a manifest; write it with write_image")
    return deliver(repository, (Edit(change),))[0]


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


def _find(mirror: GitOpsMirror, revision: str) -> bool:
    if mirror.knows(revision):
        return True
    if not REVISION.fullmatch(revision):
        return False
    mirror.fetch()
    return mirror.knows(revision)
