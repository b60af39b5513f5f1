"""The stop switch of an environment, as empty commits on the branch that Argo CD follows."""

from datetime import datetime

from blocks.gitops import GitOpsRepository
from tasks.domain.promotion.switch import LINE, Switch, find_switches, switch_message
from tasks.gitops.empty_commit import say
from tasks.gitops.mirror import GitOpsMirror, open_mirror
from tasks.retry import outside_task

# The texts may also stand elsewhere in a message, so the newest few are looked at.
_MOST_COMMITS = 20


@outside_task("stop switch of {environment}")
def read_switch(repository: GitOpsRepository, environment: str) -> Switch | None:
    """Its newest turn, None where it was never turned; raises as read_desired_state."""
    with open_mirror(repository) as mirror:
        return next(iter(_read(mirror, mirror.fetch(), environment)), None)


@outside_task("last stop of {environment}")
def read_last_stop(repository: GitOpsRepository, environment: str) -> Switch | None:
    """When and why it was stopped last, whether it still is or not; raises as read_desired_state."""
    with open_mirror(repository) as mirror:
        return next((turn for turn in _read(mirror, mirror.fetch(), environment) if turn.is_stopped), None)


@outside_task("turn the stop switch of {switch.environment}")
def turn_switch(repository: GitOpsRepository, switch: Switch) -> Switch:
    """The turn as it stands on the branch: a new commit, or the last one where that says the same state already.

    What was never stopped needs no turn to run: without a revision, none was written.

    Raises DesiredStateConflict where the branch moved on during each of ten tries, and what write_image raises.
    """

    def same(mirror: GitOpsMirror, revision: str) -> Switch | None:
        now = next(iter(_read(mirror, revision, switch.environment)), None)
        return (now or switch) if (now is not None and now.is_stopped) == switch.is_stopped else None

    return say(repository, switch_message(switch), same)


def _read(mirror: GitOpsMirror, revision: str, environment: str) -> tuple[Switch, ...]:
    """Its newest turns, newest first."""
    lines = (LINE, f"Tidegate-Environment: {environment}")
    found = mirror.messages(revision, lines, limit=_MOST_COMMITS)
    return find_switches(((message, sha, datetime.fromisoformat(date)) for sha, date, message in found), environment)
