"""Says something on the branch that Argo CD follows without changing a file."""

from collections.abc import Callable
from typing import TypeVar

from blocks.gitops import GitOpsRepository
from tasks.domain.errors import DesiredStateConflict
from tasks.gitops.commit_stream import NewCommit
from tasks.gitops.mirror import GitOpsMirror, open_mirror

_TRIES = 10
T = TypeVar("T")


def say(repository: GitOpsRepository, message: str, find: Callable[[GitOpsMirror, str], T | None]) -> T:
    """What `find` finds on the branch, where an empty commit with this message is added if it finds nothing.

    Raises DesiredStateConflict where the branch moved on during each of ten tries, and what write_image raises.
    """
    for _ in range(_TRIES):
        with open_mirror(repository) as mirror:
            head = mirror.fetch(anew=True)
            if (there := find(mirror, head)) is not None:
                return there
            (commit,) = mirror.add(head, [NewCommit(message)])
            if mirror.push(commit):
                said = find(mirror, commit)
                if said is None:
                    raise AssertionError("what was just said is found")
                return said
    raise DesiredStateConflict(f"{repository.url} moved on during each of {_TRIES} pushes; try again")
