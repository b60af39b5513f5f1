"""Says of a merged change what its commit does not: whoever merges on GitHub writes the message, not we."""

from dataclasses import replace
from datetime import datetime

from blocks.gitops import GitOpsRepository
from tasks.domain.errors import DesiredStateConflict
from tasks.domain.promotion.history import Change, one_line, parse_changes, promotion_message
from tasks.gitops.history import changes_in
from tasks.gitops.mirror import GitOpsMirror, open_mirror
from tasks.retry import outside_task

_TRIES = 10


@outside_task("note {change.application} in {change.environment}")
def note_merge(repository: GitOpsRepository, change: Change, merged: str) -> str | None:
    """Let the history tell the change that the commit `merged` brought to the branch, and who approved it.

    The commit that got a git note; None where the history says all of it already. Raises DesiredStateConflict where the
    branch does not hold that commit, or where others added notes during each of ten tries, and what write_image raises.
    """
    for _ in range(_TRIES):
        with open_mirror(repository) as mirror:
            head = mirror.fetch(anew=True)
            if not (mirror.knows(merged) and mirror.is_ancestor(merged, head)):
                raise DesiredStateConflict(f"{merged[:7]} is not on the branch of {repository.url}; look who moved it")
            known = _told(mirror, head, change, merged)
            if known and (known.approved_by, known.reason) == (one_line(change.approved_by), one_line(change.reason)):
                return None
            commit = known.revision if known else merged
            says = replace(known, approved_by=change.approved_by, reason=change.reason) if known else change
            if mirror.add_note(commit, promotion_message(says, *_others(mirror, commit, change))):
                return commit
    raise DesiredStateConflict(f"the notes of {repository.url} moved on during each of {_TRIES} pushes; try again")


def _told(mirror: GitOpsMirror, head: str, change: Change, merged: str) -> Change | None:
    """The change as the history tells it, of a commit that came with this merge and not before."""
    for known in changes_in(mirror, head, change.application, change.environment):
        is_same = known.digest == change.digest and not known.clears_quarantine
        if is_same and mirror.is_ancestor(known.revision, merged):
            return None if mirror.is_ancestor(known.revision, f"{merged}^") else known
    return None


def _others(mirror: GitOpsMirror, commit: str, change: Change) -> list[Change]:
    """What else the commit says: the note takes the place of all of it."""
    [(sha, when, message)] = mirror.messages(commit, (), limit=1)
    place = (change.application, change.environment)
    told = parse_changes(message, sha, datetime.fromisoformat(when))
    return [other for other in told if (other.application, other.environment) != place]
