"""One change as the only commit of a branch beside the one that Argo CD follows, for a pull request to ask for it."""

from dataclasses import replace

from blocks.gitops import GitOpsRepository
from tasks.domain.delivery.manifest import Manifest
from tasks.domain.errors import DesiredStateConflict
from tasks.domain.image import ImageReference
from tasks.domain.manifest.formats import read_image, set_image
from tasks.domain.promotion.history import Change, promotion_message
from tasks.gitops.commit_stream import NewCommit
from tasks.gitops.history import holds_at, is_same
from tasks.gitops.mirror import open_mirror

_TRIES = 5


def propose(
    repository: GitOpsRepository,
    manifest: Manifest,
    image: ImageReference,
    change: Change,
    branch: str,
    *,
    on_newest: bool,
) -> str | None:
    """The branch's commit; None where the base holds the image already.

    A branch that holds it is left as it is, so that what was said about it stays true; with `on_newest` only if the
    base's newest commit is in it. Raises as tasks.gitops.write_image does.
    """
    with open_mirror(repository) as mirror:
        for _ in range(_TRIES):
            head, tip = mirror.fetch(anew=True), mirror.fetch_other(branch)
            file = mirror.read(head, manifest.file)
            if file is None:
                raise mirror.lacks(manifest.file)
            if is_same(read_image(file.text, manifest, file=file.path), image):
                return None
            is_new_enough = tip and (not on_newest or mirror.is_ancestor(head, tip))
            if tip and is_new_enough and holds_at(mirror, tip, manifest, image):
                return tip
            edited = replace(file, text=set_image(file.text, manifest, image, file=file.path))
            (commit,) = mirror.add(head, [NewCommit(promotion_message(change), (edited,))])
            if mirror.push_other(commit, branch, expected=tip):
                return commit
    raise DesiredStateConflict(f"branch '{branch}' of {repository.url} moved on during each of {_TRIES} pushes")
