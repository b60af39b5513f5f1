"""Pull requests in a repository on GitHub: opened, looked at, merged and closed; each can be repeated.

https://docs.github.com/rest/pulls
"""

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import httpx

from blocks.github import GitHub
from blocks.github_app import Rights
from tasks.domain.delivery.writing import MergeMethod
from tasks.domain.errors import AccessRefused
from tasks.domain.promotion.pull_request import Blocked, InQueue, Merged, PullRequest, Review
from tasks.domain.promotion.pull_request_text import superseded_comment
from tasks.github.api import pages, send
from tasks.github.identity import who_we_are
from tasks.github.merge_queue import asks_for_queue, enqueue
from tasks.github.problems import github_problems
from tasks.retry import outside_task

# Merging changes the contents; the other two only say what a pull request still waits for.
_RIGHTS: Final[Rights] = {
    "contents": "write",
    "pull_requests": "write",
    "checks": "read",
    "statuses": "read",
    "merge_queues": "write",
}
_WRITE = "pull requests: write"
# Conclusions of a check run that stop nothing.
# https://docs.github.com/pull-requests/collaborating-with-pull-requests/collaborating-on-repositories-with-code-quality-features/about-status-checks
_GOOD = ("success", "neutral", "skipped")
_NOT_NOW = (httpx.codes.METHOD_NOT_ALLOWED, httpx.codes.CONFLICT)
_REFUSED = (*_NOT_NOW, httpx.codes.UNPROCESSABLE_ENTITY)


@outside_task("open pull request for {head}")
def open_pull_request(
    github: GitHub, repository: str, head: str, base: str, *, title: str, body: str, labels: Sequence[str]
) -> PullRequest:
    """The pull request of this branch, opened where none is open; one that is open gets this title and body.

    Raises AccessRefused.
    """
    with github.get_client(repository, _RIGHTS) as client:
        path = f"/repos/{repository}/pulls"
        found = next(iter(_open_ones(client, repository, base, f"{repository.partition('/')[0]}:{head}")), None)
        if found is None:
            content = {"title": title, "body": body, "head": head, "base": base}
            found = send(client, client.build_request("POST", path, json=content), right=_WRITE).json()
        elif (found["title"], found["body"]) != (title, body):
            content = {"title": title, "body": body}
            request = client.build_request("PATCH", f"{path}/{found['number']}", json=content)
            found = send(client, request, right=_WRITE).json()
        if missing := [label for label in labels if label not in {known["name"] for known in found["labels"]}]:
            labelling = f"/repos/{repository}/issues/{found['number']}/labels"
            send(client, client.build_request("POST", labelling, json={"labels": missing}), right=_WRITE)
    return _pull(found)


@outside_task("look at pull request {number}")
def read_pull_request(github: GitHub, repository: str, number: int) -> PullRequest:
    """As it is now, with its reviews and, where it cannot be merged, the checks that have not passed.

    Raises AccessRefused.
    """
    with github.get_client(repository, _RIGHTS) as client:
        path = f"/repos/{repository}/pulls/{number}"
        found = send(client, client.build_request("GET", path), right=_WRITE).json()
        head = found["head"]["sha"]
        reviews = _reviews(client, path, head)
        is_blocked = found["state"] == "open" and found["mergeable_state"] in ("blocked", "unstable")
        checks = _open_checks(client, repository, head) if is_blocked else ()
    pull = _pull(found, reviews, checks)
    # A merge of ours is nobody's approval.
    is_ours = bool(pull.merged_by) and who_we_are(github, repository).wrote(found["merged_by"])
    return replace(pull, merged_by="") if is_ours else pull


@outside_task("merge pull request {number}")
def merge_pull_request(
    github: GitHub, repository: str, number: int, head: str, *, method: MergeMethod, title: str, message: str
) -> Merged | InQueue | Blocked:
    """Merge it, if its newest commit is still `head`; Blocked with GitHub's reason where that is not allowed now.

    Where the branch is merged by GitHub's queue only, it is put in there: how, and with which message it is merged, is
    then a setting of the repository's. Raises AccessRefused. https://docs.github.com/rest/pulls/pulls#merge-a-pull-request
    """
    with github.get_client(repository, _RIGHTS) as client, github_problems():
        path = f"/repos/{repository}/pulls/{number}"
        found = send(client, client.build_request("GET", path), right=_WRITE).json()
        if found["merged"]:
            return Merged(found["merge_commit_sha"], _login(found["merged_by"]))
        content: dict[str, str] = {"sha": head, "merge_method": method}
        if method != "rebase":
            # A rebase takes the message of the commit that is rebased.
            content |= {"commit_title": title, "commit_message": message}
        request = client.build_request("PUT", f"{path}/merge", json=content)
        response = client.send(request)
        if response.status_code in _REFUSED and asks_for_queue(response):
            return enqueue(client, str(found["node_id"]), head)
        if response.status_code in _NOT_NOW:
            return Blocked(str(response.json().get("message", "GitHub does not merge it"))[:300])
        if not response.is_success:
            # Once more, so that limits are waited for and refusals told as everywhere.
            response = send(client, client.build_request("PUT", f"{path}/merge", json=content), right="contents: write")
        return Merged(str(response.json()["sha"]), "")


@outside_task("close what {successor} supersedes")
def close_superseded(github: GitHub, repository: str, base: str, family: str, successor: PullRequest) -> int:
    """Close the other open pull requests whose branches begin with `family`, saying by which; how many that were.

    Raises AccessRefused.
    """
    comment = superseded_comment(f"#{successor.number}", successor.url)
    closed = 0
    with github.get_client(repository, _RIGHTS) as client:
        for pull in _open_ones(client, repository, base):
            branch, number = pull["head"]["ref"], pull["number"]
            # A fork may call its branches as it likes.
            is_ours = (pull["head"]["repo"] or {}).get("full_name") == repository
            if not is_ours or number == successor.number or not branch.startswith(family):
                continue
            _comment_once(client, f"/repos/{repository}/issues/{number}/comments", comment)
            path = f"/repos/{repository}/pulls/{number}"
            send(client, client.build_request("PATCH", path, json={"state": "closed"}), right=_WRITE)
            _delete_branch(client, repository, branch)
            closed += 1
    return closed


@outside_task("delete branch {branch}")
def delete_branch(github: GitHub, repository: str, branch: str) -> None:
    """Remove a branch that has done its work, if it is still there; raises AccessRefused."""
    with github.get_client(repository, _RIGHTS) as client, github_problems():
        _delete_branch(client, repository, branch)


def _open_ones(client: httpx.Client, repository: str, base: str, head: str = "") -> list[dict[str, Any]]:
    query = {"state": "open", "base": base, "per_page": "100"} | ({"head": head} if head else {})
    request = client.build_request("GET", f"/repos/{repository}/pulls", params=query)
    return [pull for page in pages(client, request, right=_WRITE) for pull in page.json()]


def _reviews(client: httpx.Client, path: str, head: str) -> tuple[Review, ...]:
    """The last word of each reviewer; a mere comment takes nothing back."""
    request = client.build_request("GET", f"{path}/reviews", params={"per_page": "100"})
    said = [review for page in pages(client, request, right=_WRITE) for review in page.json()]
    newest = {_login(review["user"]): review for review in said if review["state"] not in ("COMMENTED", "PENDING")}
    return tuple(
        Review(login, review["state"], review["body"] or "", review["commit_id"] == head, _time(review["submitted_at"]))
        for login, review in newest.items()
        if login
    )


def _open_checks(client: httpx.Client, repository: str, head: str) -> tuple[str, ...]:
    found = []
    # They only make the reason plainer, so an App does without what it was not given.
    with contextlib.suppress(AccessRefused):
        request = client.build_request("GET", f"/repos/{repository}/commits/{head}/status", params={"per_page": "100"})
        statuses = send(client, request, right="commit statuses: read").json()["statuses"]
        found += [f"{one['context']} ({one['state']})" for one in statuses if one["state"] != "success"]
    with contextlib.suppress(AccessRefused):
        path = f"/repos/{repository}/commits/{head}/check-runs"
        request = client.build_request("GET", path, params={"per_page": "100"})
        runs = send(client, request, right="checks: read").json()["check_runs"]
        found += [
            f"{run['name']} ({run['conclusion'] or run['status']})" for run in runs if run["conclusion"] not in _GOOD
        ]
    return tuple(found)


def _comment_once(client: httpx.Client, path: str, text: str) -> None:
    request = client.build_request("GET", path, params={"per_page": "100"})
    if not any(known["body"] == text for page in pages(client, request, right=_WRITE) for known in page.json()):
        send(client, client.build_request("POST", path, json={"body": text}), right=_WRITE)


def _delete_branch(client: httpx.Client, repository: str, branch: str) -> None:
    response = client.send(client.build_request("DELETE", f"/repos/{repository}/git/refs/heads/{branch}"))
    # 422 and 404: it is gone already, as where the repository deletes merged branches by itself.
    if response.status_code not in (httpx.codes.NOT_FOUND, httpx.codes.UNPROCESSABLE_ENTITY):
        response.raise_for_status()


def _pull(found: dict[str, Any], reviews: tuple[Review, ...] = (), checks: tuple[str, ...] = ()) -> PullRequest:
    is_merged = bool(found.get("merged_at"))
    return PullRequest(
        number=found["number"],
        url=found["html_url"],
        head=found["head"]["sha"],
        is_open=found["state"] == "open",
        merge_commit=found["merge_commit_sha"] if is_merged else "",
        merged_by=_login(found.get("merged_by")),
        is_draft=bool(found["draft"]),
        state=found.get("mergeable_state") or "unknown",
        reviews=reviews,
        checks=checks,
        opened_at=_time(found["created_at"]),
        merged_at=_time(found.get("merged_at")),
        asked=(
            *(str(user["login"]) for user in found.get("requested_reviewers") or []),
            *(str(team["name"]) for team in found.get("requested_teams") or []),
        ),
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _login(user: dict[str, Any] | None) -> str:
    return str(user["login"]) if user else ""
