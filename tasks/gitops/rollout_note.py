"""Records what people do with a rollout, as empty commits on the branch that Argo CD follows."""

from blocks.gitops import GitOpsRepository
from tasks.domain.rollout.by_hand import ByHand, by_hand_message
from tasks.gitops.empty_commit import say
from tasks.gitops.mirror import GitOpsMirror
from tasks.retry import outside_task


@outside_task("record {done.action} in {done.environment}")
def record_by_hand(repository: GitOpsRepository, done: ByHand) -> str:
    """The commit that says so on the branch; one that says just the same already is found again.

    Raises DesiredStateConflict where the branch moved on during each of ten tries, and what write_image raises.
    """
    message = by_hand_message(done)
    lines = tuple(line for line in message.split("\n") if line.startswith("Tidegate-"))

    def same(mirror: GitOpsMirror, revision: str) -> str | None:
        return next((sha for sha, *_ in mirror.messages(revision, lines, limit=1)), None)

    return say(repository, message, same)
