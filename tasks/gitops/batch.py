"""Many edits as one row of commits on top of a revision; each has an outcome of its own, as if it came alone."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from tasks.domain.delivery.manifest import Manifest
from tasks.domain.errors import DesiredStateConflict, InvalidManifest
from tasks.domain.image import ImageReference
from tasks.domain.manifest.formats import read_image, set_image
from tasks.domain.promotion.history import Change, promotion_message
from tasks.gitops.commit_stream import NewCommit, TreeFile
from tasks.gitops.history import changes_in, holds, holds_at, introduced, is_same
from tasks.gitops.mirror import GitOpsMirror


@dataclass(frozen=True, slots=True)
class Edit:
    """A change, and where its image goes; without a manifest it touches no file.

    With `expected_digest` it is made only where the manifest still holds that one.
    """

    change: Change
    manifest: Manifest | None = None
    image: ImageReference | None = None
    expected_digest: str | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """The commit on the branch that brought the image in; `changed` says whether it is a new one."""

    revision: str
    changed: bool


# A commit that is there already, or the number of one that the batch makes.
Commit = str | int
# What an edit comes to, once the SHAs of the batch's commits are known.
Outcome = Callable[[Sequence[str]], Written | DesiredStateConflict]


class Batch:
    """Edits on top of `head`, in the order in which they are added; no commit is made before `commit`."""

    def __init__(self, mirror: GitOpsMirror, head: str, edits: Sequence[Edit]) -> None:
        self._mirror, self._head = mirror, head
        self._files = dict(mirror.read_all(head, [edit.manifest.file for edit in edits if edit.manifest]))
        self._commits: list[NewCommit] = []
        self._changes: list[Change] = []

    def add(self, edit: Edit) -> Outcome:
        """What this edit comes to; raises InvalidManifest or InvalidImageReference where it cannot be made."""
        if edit.manifest is None or edit.image is None:
            return self._note(edit.change)
        file = self._file(edit.manifest)
        current = read_image(file.text, edit.manifest, file=file.path)
        if is_same(current, edit.image):
            return _found(self._since(edit.manifest, edit.image))
        expected = edit.expected_digest
        if expected is not None and (current is None or current.digest != expected):
            return _conflict(file.path, current, expected, self._since(edit.manifest, current))
        edited = replace(file, text=set_image(file.text, edit.manifest, edit.image, file=file.path))
        self._files[file.path] = edited
        return self._new(edit.change, edited)

    def commit(self) -> list[str]:
        """Make the commits; their SHAs, the newest last."""
        return self._mirror.add(self._head, self._commits)

    def _note(self, change: Change) -> Outcome:
        for where, known in self._known(change):
            if change.digest in (known.digest, known.rollback_of):
                if known.clears_quarantine:
                    return _found(where)
                break
        return self._new(change, None)

    def _new(self, change: Change, file: TreeFile | None) -> Outcome:
        number = len(self._commits)
        self._commits.append(NewCommit(promotion_message(change), file))
        self._changes.append(change)
        return lambda shas: Written(shas[number], changed=True)

    def _file(self, manifest: Manifest) -> TreeFile:
        file = self._files[manifest.file]
        if isinstance(file, InvalidManifest):
            raise file
        if file is None:
            raise self._mirror.lacks(manifest.file)
        return file

    def _known(self, place: Change) -> Iterator[tuple[Commit, Change]]:
        """The changes of the same place, newest first, with their commits."""
        for number, known in reversed(list(enumerate(self._changes))):
            if (known.application, known.environment) == (place.application, place.environment):
                yield number, known
        for known in changes_in(self._mirror, self._head, place.application, place.environment):
            yield known.revision, known

    def _since(self, manifest: Manifest, image: ImageReference | None) -> Commit:
        """The commit since which the file names the image without a break, as it does now."""
        found: int | None = None
        for number, commit in reversed(list(enumerate(self._commits))):
            if commit.file and commit.file.path == manifest.file:
                if not holds(commit.file.text, manifest, image) and found is not None:
                    return found
                found = number
        if found is not None and not holds_at(self._mirror, self._head, manifest, image):
            return found
        return introduced(self._mirror, manifest, self._head, image)


def _found(commit: Commit) -> Outcome:
    return lambda shas: Written(_sha(commit, shas), changed=False)


def _conflict(path: str, current: ImageReference | None, expected: str, since: Commit) -> Outcome:
    return lambda shas: DesiredStateConflict(
        f"{path} holds {current or 'no image'} since commit {_sha(since, shas)}, not {expected} any more; "
        "nothing was written, look at that commit and decide again"
    )


def _sha(commit: Commit, shas: Sequence[str]) -> str:
    return commit if isinstance(commit, str) else shas[commit]
