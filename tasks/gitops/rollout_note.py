"""Records what people do with a rollout, as empty commits on the branch that Argo CD follows."""

from blocks.gitops import GitOpsRepository
from tasks.domain.errors import DesiredStateConflict
from tasks.domain.rollout.by_hand import ByHand, by_hand_message
from tasks.gitops.commit_stream import NewCommit
from tasks.gitops.mirror import open_mirror
from tasks.retry import outside_task

_TRIES = 10


@outside_task("record {done.action} in {done.environment}")
def record_by_hand(repository: GitOpsRepository, done: ByHand) -> str:
    """The commit that says so on the branch; one that says just the same already is found again.

    Raises DesiredStateConflict where the branch moved on during each of ten tries, and what write_image raises.
    """
    message = by_hand_message(done)
    lines = tuple(line for line in message.split("\n") if line.startswith("Tidegate-"))
    for _ in range(_TRIES):
        with open_mirror(repository) as mirror:
            head = mirror.fetch(anew=True)
            if found := mirror.messages(head, lines, limit=1):
                return found[0][0]
            (commit,) = mirror.add(head, [NewCommit(message)])
            if mirror.push(commit):
                return commit
    raise DesiredStateConflict(f"{repository.url} moved on during each of {_TRIES} pushes; try again")
