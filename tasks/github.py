"""GitHub's REST API: what a commit's statuses say, and where a branch stands."""

from typing import Any

import httpx

from blocks.github import GitHub
from tasks.domain.promotion.change_set import ChangeSet, NewCommit, Position, co_authors
from tasks.domain.verdict import Outcome, Verdict
from tasks.github_api import pages, send
from tasks.retry import outside_task

_STATES = {Outcome.PASSED: "success", Outcome.FAILED: "failure", Outcome.PENDING: "pending"}
_OUTCOMES = {state: outcome for outcome, state in _STATES.items()} | {"error": Outcome.FAILED}
# GitHub refuses longer ones.
_LONGEST_DESCRIPTION = 140


@outside_task("status {context}: {verdict.outcome}")
def set_status(
    github: GitHub, repository: str, commit: str, context: str, verdict: Verdict, *, target_url: str | None = None
) -> None:
    """Make the newest status of `context` on the commit say this; does nothing where it already does.

    GitHub takes a thousand statuses for one commit and context, so a repetition is worth avoiding.
    Raises AccessRefused.
    https://docs.github.com/rest/commits/statuses
    """
    wanted = {"state": _STATES[verdict.outcome], "description": _cut(verdict.reason), "target_url": target_url}
    with github.get_client(repository) as client:
        newest = _newest_statuses(client, repository, commit).get(context)
        if newest is not None and {key: newest.get(key) for key in wanted} == wanted:
            return
        path = f"/repos/{repository}/statuses/{commit}"
        body = {key: value for key, value in wanted.items() if value is not None} | {"context": context}
        send(client, client.build_request("POST", path, json=body), right="commit statuses: write")


@outside_task("read statuses of {commit}")
def read_statuses(github: GitHub, repository: str, commit: str) -> dict[str, Verdict]:
    """The newest verdict of each context; raises AccessRefused, and EvidenceMissing where there is no such commit."""
    with github.get_client(repository) as client:
        statuses = _newest_statuses(client, repository, commit)
    return {
        context: Verdict(_OUTCOMES[status["state"]], status.get("description") or "")
        for context, status in statuses.items()
    }


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


def _newest_statuses(client: httpx.Client, repository: str, commit: str) -> dict[str, dict[str, Any]]:
    """GitHub's combined status lists only the newest of each context."""
    request = client.build_request("GET", f"/repos/{repository}/commits/{commit}/status", params={"per_page": "100"})
    found: dict[str, dict[str, Any]] = {}
    for page in pages(client, request, right="commit statuses: read"):
        for status in page.json()["statuses"]:
            found.setdefault(status["context"], status)
    return found


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_DESCRIPTION else text[: _LONGEST_DESCRIPTION - 1] + "…"
