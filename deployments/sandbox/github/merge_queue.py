"""The merge queue of the default branch: in the order in which they came.

https://docs.github.com/repositories/configuring-branches-and-merges-in-your-repository/configuring-pull-request-merges/managing-a-merge-queue
"""

from deployments.sandbox.github.protection import missing
from deployments.sandbox.github.records import PullRequest, QueueEntry, Repository, User, timestamp


class NotQueued(Exception):
    """It may not be in the queue; the message is GitHub's."""


def enqueue(repository: Repository, pull: PullRequest, by: User, *, number: int, head: str | None) -> QueueEntry:
    """Put it at the end; `head` is what its newest commit must still be. Raises NotQueued."""
    if not repository.protection.merge_queue:
        raise NotQueued("Pull request Merge queue is not enabled for this branch")
    if find_entry(repository, pull):
        raise NotQueued("Pull request is already in the queue")
    if pull.state == "closed" or pull.draft:
        raise NotQueued(f"Pull request {'is closed' if pull.state == 'closed' else 'is still a draft'}")
    if head not in (None, pull.head_sha):
        raise NotQueued("Pull request Head branch was modified. Review and try the merge again.")
    if rules := missing(repository, pull):
        raise NotQueued(f"Pull request {rules[0]}")
    entry = QueueEntry(number, pull, by, timestamp())
    repository.merge_queue.append(entry)
    return entry


def leave_queue(repository: Repository, pull: PullRequest, reason: str) -> None:
    """Take it out, if it is in the queue; being merged is a reason, too."""
    if entry := find_entry(repository, pull):
        repository.merge_queue.remove(entry)
        pull.removals.append(reason)


def find_entry(repository: Repository, pull: PullRequest) -> QueueEntry | None:
    """Its place in the queue."""
    return next((entry for entry in repository.merge_queue if entry.pull is pull), None)
