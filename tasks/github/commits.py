"""GitHub's REST API about code: where a branch stands, and how commits differ."""

from typing import Any

from blocks.github import GitHub
from tasks.domain.promotion.change_set import ChangeSet, NewCommit, Position, co_authors
from tasks.github.api import pages, send
from tasks.retry import outside_task


@outside_task("read head of {repository} {branch}")
def read_head(github: GitHub, repository: str, branch: str) -> str:
    """The full SHA of a branch's newest commit, as GitHub says; raises AccessRefused."""
    with github.get_client(repository) as client:
        request = client.build_request("GET", f"/repos/{repository}/git/ref/heads/{branch}")
        return str(send(client, request, right="contents: read").json()["object"]["sha"])


@outside_task("compare {base} with {head}")
def compare(github: GitHub, repository: str, base: str, head: str) -> ChangeSet:
    """What `head` has that `base` has not; raises AccessRefused, also where one of them is not in the repository.

    https://docs.github.com/rest/commits/commits#compare-two-commits
    """
    with github.get_client(repository) as client:
        path = f"/repos/{repository}/compare/{base}...{head}"
        request = client.build_request("GET", path, params={"per_page": "100"})
        found = [page.json() for page in pages(client, request, right="contents: read")]
    commits = tuple(new_commit(commit) for page in found for commit in page["commits"])
    return ChangeSet(base, head, Position(found[0]["status"]), commits, found[0]["total_commits"])


def new_commit(commit: dict[str, Any]) -> NewCommit:
    """A commit as GitHub's REST API lists it."""
    author = commit["commit"]["author"] or {}
    committer = commit["commit"]["committer"] or {}
    committed_by = (committer.get("name"), committer.get("email"), (commit["committer"] or {}).get("login"))
    return NewCommit(
        sha=commit["sha"],
        subject=commit["commit"]["message"].partition("\n")[0],
        author_name=author.get("name") or "",
        author_email=author.get("email") or "",
        # Null where GitHub knows no user with that mail address.
        author_login=(commit["author"] or {}).get("login") or "",
        others=(*(name for name in committed_by if name), *co_authors(commit["commit"]["message"])),
    )
