"""Comments below a pull request, and the sign by which a comment of somebody else is answered.

https://docs.github.com/rest/issues/comments, https://docs.github.com/rest/reactions/reactions
"""

from typing import Literal

from blocks.github import GitHub
from tasks.github.api import pages, send
from tasks.github.identity import who_we_are
from tasks.retry import outside_task

_RIGHT = "pull requests"


@outside_task("comment on {repository}#{number}")
def write_comment(github: GitHub, repository: str, number: int, body: str) -> None:
    """Make our comment that begins with the same first line say this; there is never more than one of them.

    A comment of somebody else with that line is left alone. Raises AccessRefused.
    """
    marker = body.partition("\n")[0]
    path = f"/repos/{repository}/issues"
    ours = who_we_are(github, repository)
    with github.get_client(repository) as client:
        request = client.build_request("GET", f"{path}/{number}/comments", params={"per_page": "100"})
        known = (comment for page in pages(client, request, right=f"{_RIGHT}: read") for comment in page.json())
        for comment in known:
            if (comment["body"] or "").partition("\n")[0].rstrip("\r") == marker and ours.wrote(comment["user"]):
                if comment["body"] != body:
                    request = client.build_request("PATCH", f"{path}/comments/{comment['id']}", json={"body": body})
                    send(client, request, right=f"{_RIGHT}: write")
                return
        request = client.build_request("POST", f"{path}/{number}/comments", json={"body": body})
        send(client, request, right=f"{_RIGHT}: write")


@outside_task("answer comment {comment} by {content}")
def react(github: GitHub, repository: str, comment: int, content: Literal["+1", "confused", "eyes"]) -> None:
    """Put a sign under a comment; a second one of the same kind adds nothing. Raises AccessRefused."""
    with github.get_client(repository) as client:
        path = f"/repos/{repository}/issues/comments/{comment}/reactions"
        send(client, client.build_request("POST", path, json={"content": content}), right=f"{_RIGHT}: write")
