"""GitHub's merge queue: a branch that needs it takes no other merges.

https://docs.github.com/repositories/configuring-branches-and-merges-in-your-repository/configuring-pull-request-merges/managing-a-merge-queue
"""

from typing import Any, Final

import httpx

from blocks.github import GitHub
from blocks.github_app import Rights
from tasks.domain.promotion.pull_request import Blocked, InQueue, ThrownOut
from tasks.github.graphql import QueryRefused, ask
from tasks.github.problems import github_problems
from tasks.retry import outside_task

_RIGHTS: Final[Rights] = {"contents": "write", "pull_requests": "write", "merge_queues": "write"}
_RIGHT = "pull requests: write, contents: write"
# https://docs.github.com/graphql/reference/pulls#enqueuepullrequest
_ENQUEUE = """
mutation($pull: ID!, $head: GitObjectID!) {
  enqueuePullRequest(input: {pullRequestId: $pull, expectedHeadOid: $head}) {
    mergeQueueEntry { position state }
  }
}"""
_LOOK = """
query($owner: String!, $name: String!, $number: Int!) {
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      mergeQueueEntry { position state }
      timelineItems(last: 1, itemTypes: [REMOVED_FROM_MERGE_QUEUE_EVENT]) {
        nodes { ... on RemovedFromMergeQueueEvent { reason } }
      }
    }
  }
}"""


def asks_for_queue(refusal: httpx.Response) -> bool:
    """Whether GitHub refused a merge only because the branch is merged by its queue."""
    return "merge queue" in _message(refusal).lower()


def enqueue(client: httpx.Client, node_id: str, head: str) -> InQueue | Blocked:
    """Put the pull request into the queue, if its newest commit is still `head`; one that is in it stays where it is.

    Blocked with GitHub's reason where it may not be in it now. Raises AccessRefused.
    """
    try:
        data = ask(client, _ENQUEUE, right=_RIGHT, pull=node_id, head=head)
    except QueryRefused as refusal:
        if "already in the queue" in str(refusal).lower():
            return InQueue(0, "QUEUED")
        return Blocked(str(refusal))
    entry = data["enqueuePullRequest"]["mergeQueueEntry"] or {"position": 0, "state": "QUEUED"}
    return _in_queue(entry)


@outside_task("look at pull request {number} in the merge queue")
def read_queue(github: GitHub, repository: str, number: int) -> InQueue | ThrownOut:
    """Where it stands in the queue, or why it left that last; being merged is such a reason. Raises AccessRefused."""
    owner, _, name = repository.partition("/")
    with github.get_client(repository, _RIGHTS) as client, github_problems():
        data = ask(client, _LOOK, right=_RIGHT, owner=owner, name=name, number=number)
    pull = data["repository"]["pullRequest"]
    if pull["mergeQueueEntry"]:
        return _in_queue(pull["mergeQueueEntry"])
    reason = next((node.get("reason") for node in pull["timelineItems"]["nodes"] if node), None)
    return ThrownOut(str(reason or "GitHub does not say why")[:300])


def _in_queue(entry: dict[str, Any]) -> InQueue:
    return InQueue(int(entry["position"]), str(entry["state"]))


def _message(response: httpx.Response) -> str:
    try:
        return str(response.json().get("message", ""))
    except (ValueError, AttributeError):
        return ""
