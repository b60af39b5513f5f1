"""What gates say of a commit on GitHub: check runs where we are an App, commit statuses where we have a token.

https://docs.github.com/rest/checks/runs, https://docs.github.com/rest/commits/statuses
"""

from typing import Any

import httpx

from blocks.github import GitHub
from tasks.domain.feedback.annotation import A_REQUEST
from tasks.domain.feedback.check import CheckReport, outcome_of
from tasks.domain.feedback.origin import Origin
from tasks.domain.feedback.text import LONGEST_DESCRIPTION, cut
from tasks.domain.verdict import Verdict
from tasks.github.api import pages, send
from tasks.github.identity import who_we_are
from tasks.retry import outside_task

Answer = dict[str, Any]
_CHECKS, _STATUSES = "checks", "commit statuses"


@outside_task("report {reports[0].name} of {commit}")
def report_checks(
    github: GitHub,
    repository: str,
    commit: str,
    reports: tuple[CheckReport, ...],
    origin: Origin,
    run_url: str,
    *,
    begins: bool = True,
) -> None:
    """Make the commit say just this; what it says already is not said again.

    A check run of the same flow run is adopted, so that a repetition neither doubles it nor its annotations. Without
    `begins` only what this flow run has said before is changed. Raises AccessRefused, and EvidenceMissing where there
    is no such commit.
    """
    with github.get_client(repository) as client:
        if github.app is None:
            known = _read_statuses(github, client, repository, commit)
            for report in reports:
                newest = known.get(report.name)
                if begins or (newest and newest["target_url"] == run_url):
                    _set_status(client, repository, commit, report, newest, run_url)
            return
        runs = _list_check_runs(github, client, repository, commit, {"filter": "all"})
        mine = {run["name"]: run for run in runs if run["external_id"] == str(origin)}
        for report in reports:
            if begins or report.name in mine:
                head = _head_of(report, origin, run_url) | ({} if report.name in mine else {"head_sha": commit})
                _set_check_run(client, repository, head, report, mine.get(report.name))


@outside_task("read checks of {commit}")
def read_statuses(github: GitHub, repository: str, commit: str) -> dict[str, Verdict]:
    """The newest verdict of each check that we reported; what others report under the same name is no evidence.

    Raises AccessRefused, and EvidenceMissing where there is no such commit.
    """
    with github.get_client(repository) as client:
        return read_verdicts(github, client, repository, commit)


@outside_task("read origins of {commit}")
def read_external_ids(github: GitHub, repository: str, commit: str, name: str) -> tuple[str, ...]:
    """The external ids of our check runs of this name on the commit, newest first; none with a token."""
    if github.app is None:
        return ()
    with github.get_client(repository) as client:
        query = {"check_name": name, "filter": "all"}
        runs = _list_check_runs(github, client, repository, commit, query)
    return tuple(run["external_id"] or "" for run in sorted(runs, key=lambda run: -int(run["id"])))


def read_verdicts(github: GitHub, client: httpx.Client, repository: str, commit: str) -> dict[str, Verdict]:
    """The newest verdict of each check that we reported; raises as read_statuses."""
    if github.app is not None:
        runs = _read_check_runs(github, client, repository, commit)
        return {name: _verdict_of_run(run) for name, run in runs.items()}
    return {
        context: Verdict(outcome_of(status["state"]), status.get("description") or "")
        for context, status in _read_statuses(github, client, repository, commit).items()
    }


def set_status_of(
    github: GitHub, client: httpx.Client, repository: str, commit: str, report: CheckReport, run_url: str
) -> None:
    """Make the commit's status of this name say this, whichever run said it last."""
    newest = _read_statuses(github, client, repository, commit).get(report.name)
    _set_status(client, repository, commit, report, newest, run_url)


def set_newest_check_run(
    github: GitHub,
    client: httpx.Client,
    repository: str,
    commit: str,
    report: CheckReport,
    origin: Origin,
    run_url: str,
) -> None:
    """Make our newest check run of this name say this, whichever flow run made it; there is no older open one then.

    One that is completed is not opened again: a new one takes its place.
    """
    query = {"filter": "all", "check_name": report.name}
    known = sorted(_list_check_runs(github, client, repository, commit, query), key=lambda run: int(run["id"]))
    head = _head_of(report, origin, run_url)
    newest = known[-1] if known else None
    if newest is not None and newest["status"] == "completed" and not report.ending:
        newest = None
    head |= {"head_sha": commit} if newest is None else {"external_id": newest["external_id"]}
    _set_check_run(client, repository, head, report, newest)
    for left in known[:-1]:
        if left["status"] != "completed":
            ended = {"status": "completed", "conclusion": "cancelled"}
            path = f"/repos/{repository}/check-runs/{left['id']}"
            send(client, client.build_request("PATCH", path, json=ended), right=f"{_CHECKS}: write")


def _verdict_of_run(run: Answer) -> Verdict:
    state = run["conclusion"] if run["status"] == "completed" else "pending"
    # Waits for a person, who can still say yes.
    outcome = outcome_of("pending" if state == "action_required" else state)
    return Verdict(outcome, (run.get("output") or {}).get("title") or "")


def _set_status(
    client: httpx.Client, repository: str, commit: str, report: CheckReport, newest: Answer | None, run_url: str
) -> None:
    description = cut(report.verdict.reason, LONGEST_DESCRIPTION)
    wanted = {"state": report.state, "description": description, "target_url": run_url}
    # GitHub takes a thousand statuses for one commit and context, so a repetition is worth avoiding.
    if newest is not None and {key: newest.get(key) for key in wanted} == wanted:
        return
    path = f"/repos/{repository}/statuses/{commit}"
    body = {key: value for key, value in wanted.items() if value} | {"context": report.name}
    send(client, client.build_request("POST", path, json=body), right=f"{_STATUSES}: write")


def _set_check_run(
    client: httpx.Client, repository: str, head: Answer, report: CheckReport, run: Answer | None
) -> None:
    """Create or change it with the first annotations, then append the others."""
    path = f"/repos/{repository}/check-runs"
    done = run["output"]["annotations_count"] if run else 0
    output = head["output"]
    bodies = [one.body for one in report.annotations[done:]]
    if run is None or not _says(run, head) or bodies:
        request = client.build_request(
            "PATCH" if run else "POST",
            f"{path}/{run['id']}" if run else path,
            json={**head, "output": {**output, "annotations": bodies[:A_REQUEST]}},
        )
        run = send(client, request, right=f"{_CHECKS}: write").json()
    for start in range(A_REQUEST, len(bodies), A_REQUEST):
        more = {"output": {**output, "annotations": bodies[start : start + A_REQUEST]}}
        send(client, client.build_request("PATCH", f"{path}/{run['id']}", json=more), right=f"{_CHECKS}: write")


def _head_of(report: CheckReport, origin: Origin, run_url: str) -> Answer:
    """All of the check run but its annotations."""
    title = cut(report.verdict.reason, LONGEST_DESCRIPTION) or report.name
    head = {
        "name": report.name,
        "external_id": str(origin),
        "status": "completed" if report.ending else "in_progress",
        "output": {"title": title, "summary": report.summary or title},
        "actions": [button.body for button in report.buttons],
    }
    # An address that GitHub cannot take would fail the whole request.
    if run_url.startswith(("http://", "https://")):
        head["details_url"] = run_url
    return head | ({"conclusion": report.ending} if report.ending else {})


def _says(run: Answer, head: Answer) -> bool:
    output = run.get("output") or {}
    is_same = all(run.get(key) == head.get(key) for key in ("status", "conclusion"))
    return is_same and all(output.get(key) == head["output"][key] for key in ("title", "summary"))


def _read_check_runs(github: GitHub, client: httpx.Client, repository: str, commit: str) -> dict[str, Answer]:
    """Our newest check run of each name."""
    found: dict[str, Answer] = {}
    for run in _list_check_runs(github, client, repository, commit, {"filter": "latest"}):
        if run["name"] not in found or run["id"] > found[run["name"]]["id"]:
            found[run["name"]] = run
    return found


def _list_check_runs(
    github: GitHub, client: httpx.Client, repository: str, commit: str, query: dict[str, str]
) -> list[Answer]:
    app_id = who_we_are(github, repository).app_id
    path = f"/repos/{repository}/commits/{commit}/check-runs"
    request = client.build_request("GET", path, params={**query, "app_id": str(app_id), "per_page": "100"})
    runs = [run for page in pages(client, request, right=f"{_CHECKS}: read") for run in page.json()["check_runs"]]
    # Not left to the query alone: another App's check of the same name is no evidence.
    return [run for run in runs if run["app"]["id"] == app_id]


def _read_statuses(github: GitHub, client: httpx.Client, repository: str, commit: str) -> dict[str, Answer]:
    """Our newest status of each context; only the whole list says who wrote them, the combined status does not."""
    ours = who_we_are(github, repository)
    request = client.build_request("GET", f"/repos/{repository}/commits/{commit}/statuses", params={"per_page": "100"})
    found: dict[str, Answer] = {}
    for page in pages(client, request, right=f"{_STATUSES}: read"):
        for status in page.json():
            if ours.wrote(status.get("creator")):
                found.setdefault(status["context"], status)
    return found
