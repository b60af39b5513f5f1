"""GitHub's REST API: what a commit's statuses say, and where a branch stands."""

import time
from collections.abc import Iterator
from typing import Any

import httpx

from blocks.github import GitHub
from tasks.domain.errors import AccessRefused, ConfigurationError, DeliveryError, EvidenceMissing
from tasks.domain.promotion.change_set import ChangeSet, NewCommit, Position
from tasks.domain.verdict import Outcome, Verdict
from tasks.retry import outside_task, rate_limit_wait
from tasks.run_log import run_logger

_STATES = {Outcome.PASSED: "success", Outcome.FAILED: "failure", Outcome.PENDING: "pending"}
_OUTCOMES = {state: outcome for outcome, state in _STATES.items()} | {"error": Outcome.FAILED}
# What GitHub says, before the SHA, of a commit that the repository does not have.
_NO_COMMIT = "No commit found for SHA: "
# GitHub refuses longer ones.
_LONGEST_DESCRIPTION = 140
# A limit that lasts longer is told, not slept through.
_LONGEST_WAIT_SECONDS = 300.0
_ATTEMPTS = 4


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
    with github.get_client() as client:
        newest = _newest_statuses(client, repository, commit).get(context)
        if newest is not None and {key: newest.get(key) for key in wanted} == wanted:
            return
        path = f"/repos/{repository}/statuses/{commit}"
        body = {key: value for key, value in wanted.items() if value is not None} | {"context": context}
        _send(client, client.build_request("POST", path, json=body), right="commit statuses: write")


@outside_task("read statuses of {commit}")
def read_statuses(github: GitHub, repository: str, commit: str) -> dict[str, Verdict]:
    """The newest verdict of each context; raises AccessRefused, and EvidenceMissing where there is no such commit."""
    with github.get_client() as client:
        statuses = _newest_statuses(client, repository, commit)
    return {
        context: Verdict(_OUTCOMES[status["state"]], status.get("description") or "")
        for context, status in statuses.items()
    }


@outside_task("read head of {repository} {branch}")
def read_head(github: GitHub, repository: str, branch: str) -> str:
    """The full SHA of a branch's newest commit, as GitHub says; raises AccessRefused."""
    with github.get_client() as client:
        request = client.build_request("GET", f"/repos/{repository}/git/ref/heads/{branch}")
        return str(_send(client, request, right="contents: read").json()["object"]["sha"])


@outside_task("compare {base} with {head}")
def compare(github: GitHub, repository: str, base: str, head: str) -> ChangeSet:
    """What `head` has that `base` has not; raises AccessRefused, also where one of them is not in the repository.

    https://docs.github.com/rest/commits/commits#compare-two-commits
    """
    with github.get_client() as client:
        path = f"/repos/{repository}/compare/{base}...{head}"
        request = client.build_request("GET", path, params={"per_page": "100"})
        pages = [page.json() for page in _pages(client, request, right="contents: read")]
    commits = tuple(_new_commit(commit) for page in pages for commit in page["commits"])
    return ChangeSet(base, head, Position(pages[0]["status"]), commits, pages[0]["total_commits"])


def _new_commit(commit: dict[str, Any]) -> NewCommit:
    author = commit["commit"]["author"] or {}
    return NewCommit(
        sha=commit["sha"],
        subject=commit["commit"]["message"].partition("\n")[0],
        author_name=author.get("name") or "",
        author_email=author.get("email") or "",
        # Null where GitHub knows no user with that mail address.
        author_login=(commit["author"] or {}).get("login") or "",
    )


def _newest_statuses(client: httpx.Client, repository: str, commit: str) -> dict[str, dict[str, Any]]:
    """GitHub's combined status lists only the newest of each context."""
    request = client.build_request("GET", f"/repos/{repository}/commits/{commit}/status", params={"per_page": "100"})
    found: dict[str, dict[str, Any]] = {}
    for page in _pages(client, request, right="commit statuses: read"):
        for status in page.json()["statuses"]:
            found.setdefault(status["context"], status)
    return found


def _pages(client: httpx.Client, request: httpx.Request, *, right: str) -> Iterator[httpx.Response]:
    while True:
        response = _send(client, request, right=right)
        yield response
        following = response.links.get("next", {}).get("url")
        # Followed only on the same server: the token goes along.
        if not following or _origin(httpx.URL(following)) != _origin(request.url):
            return
        request = client.build_request("GET", following)


def _origin(url: httpx.URL) -> tuple[str, bytes]:
    return url.scheme, url.netloc


def _send(client: httpx.Client, request: httpx.Request, *, right: str) -> httpx.Response:
    """The answer, with rate limits waited for; 5xx and lost connections are left to the task's retries."""
    for attempt in range(1, _ATTEMPTS + 1):
        response = client.send(request)
        wait = rate_limit_wait(response, now=time.time(), attempt=attempt)
        if wait is None:
            break
        if wait > _LONGEST_WAIT_SECONDS or attempt == _ATTEMPTS:
            raise DeliveryError(f"GitHub limits our requests for another {wait:.0f} s; run again after that")
        run_logger().warning("GitHub limits our requests; waiting %.0f s", wait)
        time.sleep(wait)
    _refuse(response, request.url.path, right)
    return response


def _refuse(response: httpx.Response, path: str, right: str) -> None:
    status = response.status_code
    if status == httpx.codes.UNAUTHORIZED:
        raise AccessRefused(f"GitHub does not know the token (401 for {path}); put a valid one into the GitHub block")
    if status == httpx.codes.FORBIDDEN:
        raise AccessRefused(f"GitHub refuses {path} (403); give the token the right {right!r}")
    if status == httpx.codes.NOT_FOUND:
        # GitHub hides what a token may not see.
        raise AccessRefused(f"GitHub shows nothing at {path} (404); check the name, or give the token {right!r}")
    if response.is_redirect:
        raise ConfigurationError(f"{path} has moved at GitHub; correct the repository's name in the configuration")
    if status == httpx.codes.UNPROCESSABLE_ENTITY:
        message = _message(response)
        if message.startswith(_NO_COMMIT):
            repository = "/".join(path.partition("/repos/")[2].split("/")[:2])
            commit = message.removeprefix(_NO_COMMIT)
            raise EvidenceMissing(f"{repository} has no commit {commit}; push it, or give one that was pushed")
        raise DeliveryError(f"GitHub cannot take this for {path} (422): {message}")
    response.raise_for_status()


def _message(response: httpx.Response) -> str:
    try:
        return str(response.json()["message"])[:300]
    except (ValueError, KeyError, TypeError):
        return "it gave no reason"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_DESCRIPTION else text[: _LONGEST_DESCRIPTION - 1] + "…"
