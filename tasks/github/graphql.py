"""GitHub's GraphQL API, for the little that its REST API does not offer.

https://docs.github.com/graphql/guides/forming-calls-with-graphql
"""

from typing import Any

import httpx

from tasks.domain.errors import AccessRefused, DeliveryError
from tasks.github.api import send


class QueryRefused(DeliveryError):
    """GitHub understood the query and does not do it; the message is GitHub's."""


def ask(client: httpx.Client, query: str, *, right: str, **variables: Any) -> dict[str, Any]:
    """The answer's data.

    Raises AccessRefused, naming `right`, QueryRefused for what GitHub says against it, and what `send` raises.
    """
    content = {"query": query, "variables": variables}
    found = send(client, client.build_request("POST", endpoint(client.base_url), json=content), right=right).json()
    # Errors come with status 200.
    if problem := next(iter(found.get("errors") or []), None):
        message = str(problem.get("message", "it gave no reason"))[:300]
        if problem.get("type") in {"FORBIDDEN", "INSUFFICIENT_SCOPES", "NOT_FOUND"}:
            raise AccessRefused(f"GitHub refuses this to us ({message}); give the token the right {right!r}")
        raise QueryRefused(message)
    data: dict[str, Any] = found["data"]
    return data


def endpoint(rest: httpx.URL) -> httpx.URL:
    """Where it is, next to the REST API: an own server has both below /api, and github.com a host for both.

    https://docs.github.com/enterprise-server/graphql/guides/forming-calls-with-graphql#the-graphql-endpoint
    """
    path = rest.path.rstrip("/").removesuffix("/v3")
    return rest.copy_with(path=f"{path}/graphql")
