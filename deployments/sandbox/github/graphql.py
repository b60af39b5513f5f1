"""GitHub's GraphQL API, as far as merge queues need it; in the words of GitHub's schema.

https://docs.github.com/graphql/reference/pulls
"""

from typing import Any

from graphql import ExecutionResult, GraphQLError, build_schema, graphql_sync
from starlette.responses import JSONResponse, Response

from deployments.sandbox.github.api import Call, Refused, route
from deployments.sandbox.github.merge_queue import NotQueued, enqueue, find_entry
from deployments.sandbox.github.records import Permission, PullRequest, QueueEntry, Repository
from deployments.sandbox.github.views import JSON, node_id

_SCHEMA = build_schema("""
scalar DateTime
scalar GitObjectID
enum MergeQueueEntryState { AWAITING_CHECKS LOCKED MERGEABLE QUEUED UNMERGEABLE }
enum PullRequestTimelineItemsItemType { ADDED_TO_MERGE_QUEUE_EVENT REMOVED_FROM_MERGE_QUEUE_EVENT }
type MergeQueueEntry { id: ID! position: Int! state: MergeQueueEntryState! enqueuedAt: DateTime! }
type RemovedFromMergeQueueEvent { id: ID! reason: String }
union PullRequestTimelineItems = RemovedFromMergeQueueEvent
type PullRequestTimelineItemsConnection { nodes: [PullRequestTimelineItems] totalCount: Int! }
type PullRequest {
  id: ID!
  number: Int!
  isInMergeQueue: Boolean!
  isMergeQueueEnabled: Boolean!
  mergeQueueEntry: MergeQueueEntry
  timelineItems(
    first: Int, last: Int, itemTypes: [PullRequestTimelineItemsItemType!]
  ): PullRequestTimelineItemsConnection!
}
type Repository { nameWithOwner: String! pullRequest(number: Int!): PullRequest }
type Query { repository(owner: String!, name: String!, followRenames: Boolean = true): Repository }
input EnqueuePullRequestInput {
  clientMutationId: String
  expectedHeadOid: GitObjectID
  jump: Boolean
  pullRequestId: ID!
}
type EnqueuePullRequestPayload { clientMutationId: String mergeQueueEntry: MergeQueueEntry }
type Mutation { enqueuePullRequest(input: EnqueuePullRequestInput!): EnqueuePullRequestPayload }
""")
_RIGHTS = (("pull_requests", "write"), ("contents", "write"))


class _Said(GraphQLError):
    """An error with GitHub's word for its kind."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message, extensions={"kind": kind})


def answer_query(call: Call) -> Response:
    """POST /api/graphql: errors are answered with 200, too."""
    if call.user is None:
        raise Refused(401, "This endpoint requires you to be authenticated.")
    query, variables = call.text("query", "Query", required=True) or "", call.body.get("variables") or {}
    result = graphql_sync(_SCHEMA, query, root_value=_Root(call), variable_values=variables)
    return JSONResponse(_body(result))


def _body(result: ExecutionResult) -> JSON:
    errors = [{"message": error.message, "path": error.path or [], **_kind(error)} for error in result.errors or []]
    return {"data": result.data} | ({"errors": errors} if errors else {})


def _kind(error: GraphQLError) -> JSON:
    kind = (error.extensions or {}).get("kind")
    return {"type": kind} if kind else {}


class _Root:
    """What the schema's outermost fields are answered from."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def repository(self, _info: Any, owner: str, name: str, followRenames: bool) -> JSON:  # noqa: ARG002, FBT001, N803
        repository = self._call.state.repositories.get(f"{owner}/{name}")
        if repository is None or repository.permission_of(self._call.user) < Permission.READ:
            raise _Said("NOT_FOUND", f"Could not resolve to a Repository with the name '{owner}/{name}'.")
        return {
            "nameWithOwner": repository.full_name,
            "pullRequest": lambda _info, number: _pull(repository, number),
        }

    def enqueuePullRequest(self, _info: Any, input: JSON) -> JSON:  # noqa: A002, N802 - GitHub's names
        repository, pull = self._find(input["pullRequestId"])
        token = self._call.token
        is_missing_right = token is not None and not all(token.allows(*right) for right in _RIGHTS)
        if is_missing_right or repository.permission_of(self._call.user) < Permission.WRITE:
            raise _Said("FORBIDDEN", "Resource not accessible by integration")
        number, head = self._call.state.next_number(), input.get("expectedHeadOid")
        try:
            entry = enqueue(repository, pull, self._call.actor, number=number, head=head)
        except NotQueued as refusal:
            raise _Said("UNPROCESSABLE", str(refusal)) from refusal
        return {"clientMutationId": input.get("clientMutationId"), "mergeQueueEntry": _entry(repository, entry)}

    def _find(self, wanted: str) -> tuple[Repository, PullRequest]:
        for repository in self._call.state.repositories.values():
            for pull in repository.pull_requests:
                is_seen = repository.permission_of(self._call.user) >= Permission.READ
                if is_seen and node_id("PullRequest", pull.id) == wanted:
                    return repository, pull
        raise _Said("NOT_FOUND", f"Could not resolve to a node with the global id of '{wanted}'")


def _pull(repository: Repository, number: int) -> JSON:
    pull = next((one for one in repository.pull_requests if one.number == number), None)
    if pull is None:
        raise _Said("NOT_FOUND", f"Could not resolve to a PullRequest with the number of {number}.")
    entry = find_entry(repository, pull)
    return {
        "id": node_id("PullRequest", pull.id),
        "number": pull.number,
        "isInMergeQueue": entry is not None,
        "isMergeQueueEnabled": repository.protection.merge_queue,
        "mergeQueueEntry": _entry(repository, entry) if entry else None,
        "timelineItems": lambda _info, **asked: _timeline(pull, **asked),
    }


def _entry(repository: Repository, entry: QueueEntry) -> JSON:
    return {
        "id": node_id("MergeQueueEntry", entry.id),
        "position": repository.merge_queue.index(entry) + 1,
        "state": "AWAITING_CHECKS",
        "enqueuedAt": entry.enqueued_at,
    }


def _timeline(pull: PullRequest, first: int | None = None, last: int | None = None, **_types: Any) -> JSON:
    events = [
        {"__typename": "RemovedFromMergeQueueEvent", "id": node_id("RemovedFromMergeQueueEvent", n), "reason": reason}
        for n, reason in enumerate(pull.removals)
    ]
    shown = events[-last:] if last else events[:first]
    return {"nodes": shown, "totalCount": len(events)}


ROUTES = [route("POST", "/graphql", answer_query)]
