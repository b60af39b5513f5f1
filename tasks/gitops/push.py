"""What a server's refusal of a push means."""

from tasks.domain.errors import AccessRefused, DeliveryError
from tasks.git_command import GitFailed

# What a server says when another push was faster than ours, beside the plain "[rejected]".
_MOVED_MEANWHILE = (
    "cannot lock ref",
    "failed to update ref",
    "failed to lock",
    "unable to lock",
    "incorrect old value",
)


def explain_push(problem: DeliveryError, place: str) -> None:
    """Return where the branch has only moved on meanwhile; else raise what a person has to know.

    `place` is how the message calls the branch. Raises AccessRefused for a missing right and for a protected branch,
    and `problem` itself for anything else.
    """
    if isinstance(problem, AccessRefused):
        raise AccessRefused(f"{place} refuses our push; give the account the right to write contents") from problem
    if not isinstance(problem, GitFailed):
        raise problem
    if "[rejected]" in problem.complaint or any(sign in problem.complaint for sign in _MOVED_MEANWHILE):
        return
    if "[remote rejected]" in problem.complaint:
        reason = problem.complaint.partition("[remote rejected]")[2].partition("\n")[0].rpartition("(")[2]
        raise AccessRefused(
            f"{place} did not take our push: {reason.rstrip(')')}; let the account push past its protection"
        ) from problem
    raise problem
