"""Many edits as one row of commits on top of a revision; each has an outcome of its own, as if it came alone.

Only edits that are added together share a commit, and their fate.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
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
# What edits come to, once the SHAs of the batch's commits are known: one answer for each.
Outcome = Callable[[Sequence[str]], tuple[Written, ...] | DesiredStateConflict]


@dataclass(frozen=True, slots=True)
class _Conflict:
    """The file does not hold what it should any more, since that commit."""

    path: str
    current: ImageReference | None
    expected: str
    since: Commit


class Batch:
    """Edits on top of `head`, in the order in which they are added; no commit is made before `commit`."""

    def __init__(self, mirror: GitOpsMirror, head: str, edits: Sequence[Edit]) -> None:
        self._mirror, self._head = mirror, head
        self._files = dict(mirror.read_all(head, [edit.manifest.file for edit in edits if edit.manifest]))
        self._commits: list[NewCommit] = []
        self._changes: list[tuple[Change, ...]] = []

    def add(self, edits: Sequence[Edit]) -> Outcome:
        """What these edits come to: one commit for all that is not there yet, or none where one cannot be made.

        Raises InvalidManifest or InvalidImageReference where that is for what they say.
        """
        files: dict[str, TreeFile] = {}
        found: dict[int, Commit] = {}
        for number, edit in enumerate(edits):
            there = self._find(edit, files)
            if isinstance(there, _Conflict):
                return _conflict(there)
            if there is not None:
                found[number] = there
        new = [edit.change for number, edit in enumerate(edits) if number not in found]
        made = self._new(new, files) if new else 0
        return lambda shas: tuple(
            Written(_sha(found.get(number, made), shas), changed=number not in found) for number in range(len(edits))
        )

    def commit(self) -> list[str]:
        """Make the commits; their SHAs, the newest last."""
        return self._mirror.add(self._head, self._commits)

    def _find(self, edit: Edit, files: dict[str, TreeFile]) -> Commit | _Conflict | None:
        """The commit that holds the edit already; None where it has to be made, and is then in `files`."""
        if edit.manifest is None or edit.image is None:
            return self._find_note(edit.change)
        file = files.get(edit.manifest.file) or self._file(edit.manifest)
        current = read_image(file.text, edit.manifest, file=file.path)
        if is_same(current, edit.image):
            return self._since(edit.manifest, edit.image)
        expected = edit.expected_digest
        if expected is not None and (current is None or current.digest != expected):
            return _Conflict(file.path, current, expected, self._since(edit.manifest, current))
        files[file.path] = replace(file, text=set_image(file.text, edit.manifest, edit.image, file=file.path))
        return None

    def _find_note(self, change: Change) -> Commit | None:
        for where, known in self._known(change):
            if change.digest in (known.digest, known.rollback_of):
                return where if known.clears_quarantine else None
        return None

    def _new(self, changes: Sequence[Change], files: Mapping[str, TreeFile]) -> int:
        """The number of the commit that makes these changes."""
        self._files.update(files)
        self._commits.append(NewCommit(promotion_message(*changes), tuple(files.values())))
        self._changes.append(tuple(changes))
        return len(self._commits) - 1

    def _file(self, manifest: Manifest) -> TreeFile:
        file = self._files[manifest.file]
        if isinstance(file, InvalidManifest):
            raise file
        if file is None:
            raise self._mirror.lacks(manifest.file)
        return file

    def _known(self, place: Change) -> Iterator[tuple[Commit, Change]]:
        """The changes of the same place, newest first, with their commits."""
        for number, changes in reversed(list(enumerate(self._changes))):
            for known in changes:
                if (known.application, known.environment) == (place.application, place.environment):
                    yield number, known
        for known in changes_in(self._mirror, self._head, place.application, place.environment):
            yield known.revision, known

    def _since(self, manifest: Manifest, image: ImageReference | None) -> Commit:
        """The commit since which the file names the image without a break, as it does now."""
        found: int | None = None
        for number, commit in reversed(list(enumerate(self._commits))):
            for file in commit.files:
                if file.path == manifest.file:
                    if not holds(file.text, manifest, image) and found is not None:
                        return found
                    found = number
        if found is not None and not holds_at(self._mirror, self._head, manifest, image):
            return found
        return introduced(self._mirror, manifest, self._head, image)


def _conflict(found: _Conflict) -> Outcome:
    return lambda shas: DesiredStateConflict(
        f"{found.path} holds {found.current or 'no image'} since commit {_sha(found.since, shas)}, not "
        f"{found.expected} any more; nothing was written, look at that commit and decide again"
    )


def _sha(commit: Commit, shas: Sequence[str]) -> str:
    return commit if isinstance(commit, str) else shas[commit]
