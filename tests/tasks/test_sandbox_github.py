"""The GitHub stand-in behaves as GitHub does towards git, REST clients and webhook receivers."""

import contextlib
import hashlib
import hmac
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypedDict

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from blocks.git_access import git_environment
from deployments.sandbox.github.conversation import write_comment
from deployments.sandbox.github.faults import NextAnswer
from deployments.sandbox.github.protocol import create_app
from deployments.sandbox.github.records import Permission
from deployments.sandbox.github.state import GitHubState
from deployments.sandbox.server import serve

SHOP, SECRET = "acme/shop-api", "webhook secret"
FIXTURES = Path(__file__).parents[1] / "data" / "github-webhooks"


class Author(TypedDict):
    author_name: str
    author_email: str


WHO = Author(author_name="Ada", author_email="ada@acme.example")


@pytest.fixture
def github(tmp_path: Path) -> Iterator[GitHubState]:
    state = GitHubState(tmp_path / "github")
    for login, permission in (("ada", Permission.WRITE), ("reader", Permission.READ), ("boss", Permission.ADMIN)):
        state.add_user(login, token=f"{login}-token", email=f"{login}@acme.example")
        if SHOP not in state.repositories:
            state.create_repository(SHOP)
        state.grant(SHOP, login, permission)
    state.add_user("tidegate[bot]", token="app-token", is_app=True)
    state.grant(SHOP, "tidegate[bot]", Permission.WRITE)
    state.add_user("stranger", token="stranger-token")
    state.commit(SHOP, "main", {"README.md": "Shop\n", "src/shop.py": "PRICE = 1\n"}, "Begin", **WHO)
    with serve(create_app(state)) as url:
        state.web_url = url
        yield state


def api(github: GitHubState, token: str | None = "ada-token") -> httpx.Client:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.Client(base_url=f"{github.web_url}/api/v3", headers=headers, timeout=20)


def git(
    folder: Path, github: GitHubState, *arguments: str, token: str | None = "ada-token", fails: bool = False
) -> str:
    environment = git_environment(github.web_url, "x-access-token", token)
    who = {f"GIT_{role}_{part}": "ada@acme.example" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=environment | who, capture_output=True, text=True, timeout=60, check=False
    )
    assert bool(done.returncode) == fails, done.stderr
    return done.stdout + done.stderr


def clone(folder: Path, github: GitHubState, name: str = "clone") -> Path:
    git(folder, github, "clone", "--quiet", f"{github.web_url}/{SHOP}.git", name)
    return folder / name


def commit_and_push(work: Path, github: GitHubState, text: str, *, branch: str = "main", fails: bool = False) -> str:
    (work / "src/shop.py").write_text(text)
    git(work, github, "commit", "--quiet", "--all", "--message", f"Set {text.strip()}")
    return git(work, github, "push", "origin", f"HEAD:{branch}", fails=fails)


def head(github: GitHubState, branch: str = "main") -> str:
    with api(github) as client:
        sha: str = client.get(f"/repos/{SHOP}/git/ref/heads/{branch}").json()["object"]["sha"]
    return sha


@contextmanager
def receiver(*statuses: int) -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    """Somewhere to deliver to, and what came in; answers with these statuses in turn, then with 202."""
    received: list[tuple[dict[str, str], bytes]] = []
    answers = list(statuses)

    async def take(request: Request) -> Response:
        received.append((dict(request.headers), await request.body()))
        return PlainTextResponse("taken", answers.pop(0) if answers else 202)

    with serve(Starlette(routes=[Route("/webhook", take, methods=["POST"])])) as url:
        yield f"{url}/webhook", received


def paths(value: Any, prefix: str = "") -> set[str]:
    """The names of all fields of a JSON value, however deep; lists count by their first element."""
    if isinstance(value, dict):
        return {path for key, part in value.items() for path in ({f"{prefix}{key}"} | paths(part, f"{prefix}{key}."))}
    return paths(value[0], prefix) if isinstance(value, list) and value else set()


# Only an App's webhooks name an installation; the examples have people and labels where ours has none.
NOT_OURS: tuple[str, ...] = ("installation", "pull_request.assignee", "pull_request.requested_", "pull_request.labels.")
NOT_OURS += ("issue.assignee", "issue.labels.", "issue.milestone.")
NOT_OURS += ("pull_request.auto_merge.", "pull_request.milestone.", "repository.license.")


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("push/with-new-branch", "push"),
        ("pull_request/opened", "pull_request"),
        ("pull_request/synchronize", "pull_request"),
        ("pull_request/closed", "pull_request"),
        ("issue_comment/created", "issue_comment"),
        ("ping/payload", "ping"),
    ],
)
def test_webhooks_have_every_field_of_githubs_own(github: GitHubState, name: str, event: str) -> None:
    file = FIXTURES / (f"{name}.json" if name.startswith("ping") else f"{name}.payload.json")
    expected = {path for path in paths(json.loads(file.read_text())) if not path.startswith(NOT_OURS)}
    with receiver() as (url, received):
        hook = github.add_hook(SHOP, url, SECRET, ["*"])
        github.ping(github.repositories[SHOP], hook)
        github.commit(SHOP, "topic", {"src/shop.py": "PRICE = 2\n"}, "Raise", **WHO, deliver=True)
        github.open_pull_request(SHOP, head="topic", base="main", title="Raise", author="ada")
        github.commit(SHOP, "topic", {"src/shop.py": "PRICE = 3\n"}, "More", **WHO, deliver=True)
        write_comment(github, SHOP, 1, "ada", "/retest")
        github.close_pull_request(SHOP, 1, by="ada")
        github.wait_for_deliveries()
    payloads = [(headers["x-github-event"], json.loads(body)) for headers, body in received]
    wanted = name.split("/")[1] if event in {"pull_request", "issue_comment"} else None
    found = next(
        body
        for kind, body in payloads
        if kind == event and body.get("action") == wanted and body.get("created") is not False
    )
    assert expected - paths(found) == set()


def test_a_push_over_http_is_delivered_with_a_valid_signature(github: GitHubState, tmp_path: Path) -> None:
    before = head(github)
    with receiver() as (url, received):
        hook = github.add_hook(SHOP, url, SECRET)
        commit_and_push(clone(tmp_path, github), github, "PRICE = 2\n")
        # git is answered before the webhook goes out.
        assert head(github) != before
        wait_until(lambda: len(hook.deliveries) == 1)
    headers, body = received[0]
    expected = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert headers["x-hub-signature-256"] == f"sha256={expected}"
    assert headers["x-github-hook-id"] == str(hook.id)
    assert headers["user-agent"].startswith("GitHub-Hookshot/")
    payload = json.loads(body)
    assert (payload["before"], payload["after"]) == (before, head(github))
    assert [commit["modified"] for commit in payload["commits"]] == [["src/shop.py"]]
    assert payload["pusher"]["name"] == "ada"


def wait_until(happened: Any) -> None:
    for _ in range(500):
        if happened():
            return
        time.sleep(0.02)
    raise AssertionError("it did not happen within ten seconds")


def test_a_failed_delivery_is_kept_and_can_be_sent_again_under_its_guid(github: GitHubState) -> None:
    with receiver(503) as (url, received), api(github, "boss-token") as client:
        hook = github.add_hook(SHOP, url, SECRET)
        github.commit(SHOP, "main", {"a": "a"}, "A", **WHO, deliver=True)
        github.wait_for_deliveries()
        deliveries = f"/repos/{SHOP}/hooks/{hook.id}/deliveries"
        [failed] = client.get(deliveries).json()
        assert (failed["status_code"], failed["redelivery"], failed["event"]) == (503, False, "push")
        assert client.post(f"{deliveries}/{failed['id']}/attempts").status_code == 202
        github.wait_for_deliveries()
        again = client.get(deliveries, params={"per_page": 1})
        assert [(one["status"], one["guid"], one["redelivery"]) for one in again.json()] == [
            ("OK", failed["guid"], True)
        ]
        assert client.get(again.links["next"]["url"]).json() == [failed]
    assert received[0][1] == received[1][1]


def test_a_receiver_that_is_down_is_recorded(github: GitHubState) -> None:
    hook = github.add_hook(SHOP, "http://127.0.0.1:1/webhook", SECRET)
    github.commit(SHOP, "main", {"a": "a"}, "A", **WHO, deliver=True)
    github.wait_for_deliveries()
    assert [(one.status, one.status_code) for one in hook.deliveries] == [("failed to connect to host", 502)]


def test_a_push_that_is_not_a_fast_forward_is_rejected_by_git(github: GitHubState, tmp_path: Path) -> None:
    one, other = clone(tmp_path, github, "one"), clone(tmp_path, github, "other")
    commit_and_push(one, github, "PRICE = 2\n")
    pushed = head(github)
    assert "! [rejected]" in commit_and_push(other, github, "PRICE = 3\n", fails=True)
    assert head(github) == pushed


@pytest.mark.parametrize(
    ("token", "refusal"),
    [
        ("nobody's", "could not read Username"),
        (None, "could not read Username"),
        ("stranger-token", "not found"),
        ("reader-token", "403"),
    ],
)
def test_a_push_without_write_access_changes_nothing(
    github: GitHubState, tmp_path: Path, token: str | None, refusal: str
) -> None:
    work, before = clone(tmp_path, github), head(github)
    git(work, github, "commit", "--quiet", "--allow-empty", "--message", "Sneak in")
    said = git(work, github, "push", "origin", "HEAD:main", token=token, fails=True)
    assert refusal in said
    assert head(github) == before


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_a_push_that_breaks_off_leaves_no_process_behind(github: GitHubState) -> None:
    host, _, port = github.web_url.removeprefix("http://").partition(":")
    head_of_request = (
        f"POST /{SHOP}.git/git-receive-pack HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer ada-token\r\n"
        "Content-Type: application/x-git-receive-pack-request\r\nContent-Length: 100000\r\n\r\n0000"
    )
    with socket.create_connection((host, int(port)), timeout=10) as client:
        client.sendall(head_of_request.encode())
        wait_until(lambda: backends_of(github))
    wait_until(lambda: not backends_of(github))


def backends_of(github: GitHubState) -> list[str]:
    """The processes that serve git for this GitHub; found by the folder that each is told of."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"GIT_PROJECT_ROOT={github.root}\0".encode() in (process / "environ").read_bytes():
                found.append(process.name)
    return found


def test_any_commit_can_be_fetched_alone_and_without_its_files(github: GitHubState, tmp_path: Path) -> None:
    first = head(github)
    github.commit(SHOP, "main", {"src/shop.py": "PRICE = 2\n"}, "Raise", **WHO)
    git(tmp_path, github, "init", "--quiet", "--bare", "mirror")
    url = f"{github.web_url}/{SHOP}.git"
    git(tmp_path / "mirror", github, "fetch", "--quiet", "--depth=1", "--filter=blob:none", url, first)
    assert first in git(tmp_path / "mirror", github, "rev-list", "FETCH_HEAD")
    missing = git(tmp_path / "mirror", github, "rev-list", "--objects", "--missing=print", first)
    assert "\n?" in missing


def test_a_pull_request_is_merged_in_git_and_says_so(github: GitHubState, tmp_path: Path) -> None:
    with receiver() as (url, received), api(github) as client:
        github.add_hook(SHOP, url, SECRET)
        topic = github.commit(SHOP, "topic", {"src/shop.py": "PRICE = 2\n"}, "Raise", **WHO)
        created = client.post(f"/repos/{SHOP}/pulls", json={"title": "Raise", "head": "topic", "base": "main"})
        assert (created.status_code, created.json()["mergeable"], created.json()["head"]["sha"]) == (201, True, topic)
        [file] = client.get(f"/repos/{SHOP}/pulls/1/files").json()
        assert (file["filename"], file["status"]) == ("src/shop.py", "modified")
        assert file["patch"] == "@@ -1 +1 @@\n-PRICE = 1\n+PRICE = 2"
        merge = f"/repos/{SHOP}/pulls/1/merge"
        assert client.put(merge, json={"sha": "0" * 40}).status_code == 409
        merged = client.put(merge, json={"sha": topic})
        assert (merged.status_code, merged.json()["merged"]) == (200, True)
        assert client.put(merge).status_code == 405
        assert client.get(merge).status_code == 204
        github.wait_for_deliveries()
    assert merged.json()["sha"] == head(github)
    work = clone(tmp_path, github)
    assert (work / "src/shop.py").read_text() == "PRICE = 2\n"
    assert topic in git(work, github, "log", "--format=%P", "-1")
    closed = [json.loads(body) for headers, body in received if headers["x-github-event"] == "pull_request"][-1]
    assert (closed["action"], closed["pull_request"]["merged"]) == ("closed", True)


def test_a_squash_makes_one_commit_in_the_authors_name(github: GitHubState) -> None:
    before = head(github)
    github.commit(SHOP, "topic", {"a": "1"}, "One", **WHO)
    github.commit(SHOP, "topic", {"b": "2"}, "Two", **WHO)
    github.open_pull_request(SHOP, head="topic", base="main", title="Both", author="ada")
    with api(github, "boss-token") as client:
        client.put(f"/repos/{SHOP}/pulls/1/merge", json={"merge_method": "squash"}).raise_for_status()
        commit = client.get(f"/repos/{SHOP}/commits/main").json()
    assert [parent["sha"] for parent in commit["parents"]] == [before]
    assert commit["commit"]["message"] == "Both (#1)\n\n* One\n\n* Two"
    assert commit["author"]["login"] == "ada"


def test_a_pull_request_in_conflict_is_not_merged(github: GitHubState) -> None:
    github.commit(SHOP, "topic", {"src/shop.py": "PRICE = 2\n"}, "Raise", **WHO)
    github.open_pull_request(SHOP, head="topic", base="main", title="Raise", author="ada")
    main = github.commit(SHOP, "main", {"src/shop.py": "PRICE = 3\n"}, "Raise more", **WHO)
    with api(github) as client:
        assert client.get(f"/repos/{SHOP}/pulls/1").json()["mergeable_state"] == "dirty"
        refused = client.put(f"/repos/{SHOP}/pulls/1/merge")
    assert (refused.status_code, refused.json()["message"]) == (405, "Pull Request is not mergeable")
    assert head(github) == main


def test_a_status_is_shown_by_context_and_combined(github: GitHubState) -> None:
    sha = head(github)
    with api(github) as client:
        for context, state in (("tests", "pending"), ("tests", "success"), ("lint", "failure")):
            said = client.post(f"/repos/{SHOP}/statuses/{sha}", json={"context": context, "state": state})
            assert said.status_code == 201
        combined = client.get(f"/repos/{SHOP}/commits/main/status").json()
        assert combined["state"] == "failure"
        assert {one["context"]: one["state"] for one in combined["statuses"]} == {"tests": "success", "lint": "failure"}
        every = client.get(f"/repos/{SHOP}/commits/main/statuses").json()
    assert [one["state"] for one in every] == ["failure", "success", "pending"]


@pytest.mark.parametrize(
    ("body", "field"),
    [({"state": "success", "description": "x" * 141}, "description"), ({"state": "passed"}, "state")],
)
def test_a_status_that_github_would_not_take_is_refused(github: GitHubState, body: dict[str, str], field: str) -> None:
    with api(github) as client:
        refused = client.post(f"/repos/{SHOP}/statuses/{head(github)}", json=body)
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, field)
        assert client.get(f"/repos/{SHOP}/commits/main/statuses").json() == []


def test_the_thousand_and_first_status_of_a_context_is_refused(github: GitHubState) -> None:
    with api(github) as client:
        url, body = f"/repos/{SHOP}/statuses/{head(github)}", {"state": "pending", "context": "tests"}
        client.post(url, json=body).raise_for_status()
        github.repositories[SHOP].statuses *= 1000
        assert client.post(url, json=body).status_code == 422
        assert client.post(url, json=body | {"context": "lint"}).status_code == 201


def test_only_an_app_writes_check_runs_and_fifty_annotations_at_a_time(github: GitHubState) -> None:
    url, body = f"/repos/{SHOP}/check-runs", {"name": "tests", "head_sha": head(github), "external_id": "run-1"}
    line = {"path": "a", "start_line": 1, "end_line": 1, "annotation_level": "failure", "message": "no"}
    with api(github) as client:
        refused = client.post(url, json=body)
    assert (refused.status_code, refused.json()["message"]) == (403, "You must authenticate via a GitHub App.")
    with api(github, "app-token") as client:
        run = client.post(url, json=body).json()
        assert (run["status"], run["external_id"]) == ("queued", "run-1")
        output = {"title": "1 failed", "summary": "no", "annotations": [line] * 51}
        assert client.patch(f"{url}/{run['id']}", json={"output": output}).status_code == 422
        for _ in range(2):
            done = client.patch(
                f"{url}/{run['id']}",
                json={"conclusion": "failure", "output": output | {"annotations": [line] * 50}},
            ).json()
        assert (done["status"], done["output"]["annotations_count"]) == ("completed", 100)
        listed = client.get(f"/repos/{SHOP}/commits/main/check-runs").json()
    assert [(one["name"], one["conclusion"]) for one in listed["check_runs"]] == [("tests", "failure")]


@pytest.mark.parametrize(
    ("token", "path", "status", "message"),
    [
        ("nobody's", f"/repos/{SHOP}", 401, "Bad credentials"),
        (None, "/user", 401, "Requires authentication"),
        (None, f"/repos/{SHOP}", 404, "Not Found"),
        ("stranger-token", f"/repos/{SHOP}", 404, "Not Found"),
        ("ada-token", "/repos/acme/nothing", 404, "Not Found"),
        ("ada-token", f"/repos/{SHOP}/nothing", 404, "Not Found"),
        ("ada-token", f"/repos/{SHOP}/commits/nothing", 422, "No commit found for SHA: nothing"),
        ("ada-token", f"/repos/{SHOP}/hooks", 404, "Not Found"),
        ("reader-token", f"/repos/{SHOP}/collaborators/ada/permission", 403, "Resource not accessible by"),
    ],
)
def test_what_github_refuses_is_refused_in_its_words(
    github: GitHubState, token: str | None, path: str, status: int, message: str
) -> None:
    with api(github, token) as client:
        refused = client.get(path)
    assert (refused.status_code, refused.json()["message"].startswith(message)) == (status, True)


def test_files_branches_and_permissions_can_be_read(github: GitHubState) -> None:
    github.commit(SHOP, "feature/price", {"README.md": None, "src/new.py": "NEW = True\n"}, "Tidy", **WHO)
    with api(github) as client:
        assert client.get("/user").json()["login"] == "ada"
        repository = client.get(f"/repos/{SHOP}").json()
        assert repository["clone_url"] == f"{github.web_url}/{SHOP}.git"
        assert client.get(f"/repos/{SHOP}/collaborators/reader/permission").json()["permission"] == "read"
        raw = {"Accept": "application/vnd.github.raw+json"}
        assert client.get(f"/repos/{SHOP}/contents/src/shop.py", headers=raw).text == "PRICE = 1\n"
        folder = client.get(f"/repos/{SHOP}/contents/src", params={"ref": "feature/price"}).json()
        assert [entry["path"] for entry in folder] == ["src/new.py", "src/shop.py"]
        compared = client.get(f"/repos/{SHOP}/compare/main...feature/price").json()
    assert (compared["status"], compared["ahead_by"], compared["behind_by"]) == ("ahead", 1, 0)
    assert {file["filename"]: file["status"] for file in compared["files"]} == {
        "README.md": "removed",
        "src/new.py": "added",
    }


def test_a_success_retires_the_earlier_deployment_to_the_same_environment(github: GitHubState) -> None:
    url, ids = f"/repos/{SHOP}/deployments", []
    with api(github) as client:
        for _ in range(2):
            body = {"ref": "main", "environment": "staging", "auto_merge": False, "required_contexts": []}
            ids.append(client.post(url, json=body).json()["id"])
            client.post(f"{url}/{ids[-1]}/statuses", json={"state": "success"}).raise_for_status()
        states = [client.get(f"{url}/{one}/statuses").json()[0]["state"] for one in ids]
        client.post(f"/repos/{SHOP}/statuses/{head(github)}", json={"state": "failure"})
        assert client.post(url, json={"ref": "main"}).status_code == 409
    assert states == ["inactive", "success"]


def test_comments_are_written_and_rewritten(github: GitHubState) -> None:
    github.commit(SHOP, "topic", {"a": "1"}, "One", **WHO)
    github.open_pull_request(SHOP, head="topic", base="main", title="One", author="ada")
    with api(github) as client:
        comment = client.post(f"/repos/{SHOP}/issues/1/comments", json={"body": "Wait"}).json()
        client.patch(f"/repos/{SHOP}/issues/comments/{comment['id']}", json={"body": "Go"}).raise_for_status()
        assert [one["body"] for one in client.get(f"/repos/{SHOP}/issues/1/comments").json()] == ["Go"]


def test_an_unchanged_answer_costs_nothing(github: GitHubState) -> None:
    with api(github) as client:
        first = client.get(f"/repos/{SHOP}/git/ref/heads/main")
        again = client.get(f"/repos/{SHOP}/git/ref/heads/main", headers={"If-None-Match": first.headers["etag"]})
        assert again.status_code == 304
        assert again.headers["x-ratelimit-remaining"] == first.headers["x-ratelimit-remaining"] == "4999"
        github.commit(SHOP, "main", {"a": "a"}, "A", **WHO)
        changed = client.get(f"/repos/{SHOP}/git/ref/heads/main", headers={"If-None-Match": first.headers["etag"]})
    assert changed.status_code == 200


def test_faults_are_answered_as_ordered(github: GitHubState) -> None:
    github.faults.next_answers.append(NextAnswer(f"/api/v3/repos/{SHOP}", 502, "GET"))
    with api(github) as client:
        assert [client.get(f"/repos/{SHOP}").status_code for _ in range(2)] == [502, 200]
        github.faults.retry_after = 7
        limited = client.get(f"/repos/{SHOP}")
        assert (limited.status_code, limited.headers["retry-after"]) == (403, "7")
        github.faults.retry_after = None
        github.rate_limit.per_hour = 1
        exhausted = client.get(f"/repos/{SHOP}")
    assert (exhausted.status_code, exhausted.headers["x-ratelimit-remaining"]) == (403, "0")


@pytest.mark.parametrize("path", ["../outside", "/etc/passwd", ".git/config", ""])
def test_a_commit_does_not_leave_its_repository(github: GitHubState, path: str) -> None:
    with pytest.raises(ValueError, match="not a path inside a repository"):
        github.commit(SHOP, "main", {path: "x"}, "Escape", **WHO)
