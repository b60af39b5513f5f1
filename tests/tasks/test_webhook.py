"""The webhook receiver over real HTTP, with a real Prefect server behind it."""

import http.client
import json
import logging
import socket
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterTags
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from deployments.sandbox.server import serve
from deployments.webhook import create_app
from deployments.webhook.signature import is_signed, read_secrets, sign
from flows.answer import answer
from tasks.domain.delivery.model import Delivery
from tasks.domain.errors import ConfigurationError
from tasks.domain.event.asked import StartAnswer, StartIntegrate

DATA = Path(__file__).parents[1] / "data" / "github-webhooks"
NEW, OLD = b"the secret of today", b"the secret of yesterday"

DELIVERY = Delivery.model_validate(
    {
        "version": 1,
        "applications": {
            name: {
                "repository": "Codertocat/Hello-World",
                "branch": branch,
                "image": "acme/x",
                "checks": {"lint": {"command": ["true"]}},
            }
            for name, branch in (("hello", "master"), ("world", "master"), ("lonely", "lonely"))
        },
        "environments": {"staging": {"argocd": {"application": "x"}, "manifest": {"file": "{application}.yaml"}}},
    }
)


@flow(name="stand-in")
def stand_in(application: str, commit: str, pull_request: int | None = None) -> None:
    """Takes what integrate takes; under a name of its own, so that no other test's worker runs it."""


@flow(name="stand-in-answer")
def stand_in_answer() -> None:
    """Takes what answer takes."""


@pytest.fixture(scope="module")
def receiver(prefect_server: str) -> Iterator[str]:
    with get_client(sync_client=True) as client:
        schema = stand_in.parameters.model_dump()
        client.create_deployment(client.create_flow(stand_in), "integrate", parameter_openapi_schema=schema)
        schema = answer.parameters.model_dump()
        client.create_deployment(client.create_flow(stand_in_answer), "answer", parameter_openapi_schema=schema)
    with pytest.MonkeyPatch.context() as patch:
        names = {StartIntegrate: "stand-in/integrate", StartAnswer: "stand-in-answer/answer"}
        patch.setattr("deployments.integrations.DEPLOYMENTS", names)
        with serve(create_app(DELIVERY, (NEW, OLD))) as url:
            yield url


def payload(path: str, **changes: Any) -> bytes:
    body = json.loads((DATA / path).read_text()) | changes
    return json.dumps(body).encode()


def deliver(
    url: str, body: bytes, event: str = "push", delivery: str | None = None, secret: bytes = NEW, **headers: str | None
) -> httpx.Response:
    sent = {
        "Content-Type": "application/json",
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": delivery or str(uuid.uuid4()),
        "X-Hub-Signature-256": sign(body, secret),
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    kept = {name: value for name, value in sent.items() if value is not None}
    return httpx.post(f"{url}/webhook", content=body, headers=kept, timeout=30)


def runs_of(*tags: str) -> list[FlowRun]:
    with get_client(sync_client=True) as client:
        return client.read_flow_runs(flow_run_filter=FlowRunFilter(tags=FlowRunFilterTags(all_=list(tags))))


def pushed(commit: str, branch: str = "lonely") -> bytes:
    return payload("push/with-new-branch.payload.json", ref=f"refs/heads/{branch}", after=commit)


def new_commit() -> str:
    return (uuid.uuid4().hex + uuid.uuid4().hex)[:40]


def test_the_published_vector_of_github_is_a_right_signature() -> None:
    # https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert is_signed(b"Hello, World!", signature, (b"another", b"It's a Secret to Everybody"))
    assert not is_signed(b"Hello, World?", signature, (b"It's a Secret to Everybody",))
    assert not is_signed(b"Hello, World!", "sha256=é", (b"It's a Secret to Everybody",))


def test_a_push_starts_one_run_for_each_application_of_the_repository(receiver: str) -> None:
    commit = new_commit()
    answer = deliver(receiver, pushed(commit, "master"))
    assert (answer.status_code, answer.json()["result"]) == (202, "started")
    runs = runs_of(f"commit:{commit[:7]}")
    assert {run.parameters["application"] for run in runs} == {"hello", "world"}
    assert {str(run.id) for run in runs} == {run["id"] for run in answer.json()["flow_runs"]}
    assert all(run.parameters["commit"] == commit and run.parameters["pull_request"] is None for run in runs)
    assert {"application:hello", "application:world"} < {tag for run in runs for tag in run.tags}


def test_a_pull_request_starts_a_run_that_says_so(receiver: str) -> None:
    answer = deliver(receiver, payload("pull_request/opened.payload.json"), "pull_request")
    assert answer.status_code == 202
    runs = runs_of("application:hello", "pr:2")
    assert [(run.parameters["pull_request"], run.name) for run in runs] == [(2, "hello ec26c3e")]


def test_a_redelivery_starts_nothing_a_second_time(receiver: str) -> None:
    commit, delivery = new_commit(), str(uuid.uuid4())
    first = deliver(receiver, pushed(commit), delivery=delivery)
    second = deliver(receiver, pushed(commit), delivery=delivery)
    assert (second.status_code, second.json()["result"]) == (200, "duplicate")
    assert first.json()["flow_runs"] == second.json()["flow_runs"]
    assert len(runs_of(f"commit:{commit[:7]}")) == 1


def test_a_restarted_receiver_knows_a_redelivery_too(receiver: str) -> None:
    commit, delivery = new_commit(), str(uuid.uuid4())
    deliver(receiver, pushed(commit), delivery=delivery)
    with serve(create_app(DELIVERY, (NEW,))) as another:
        assert deliver(another, pushed(commit), delivery=delivery).json()["result"] == "duplicate"
    assert len(runs_of(f"commit:{commit[:7]}")) == 1


def test_the_same_delivery_many_times_at_once_starts_one_run(receiver: str) -> None:
    commit, delivery = new_commit(), str(uuid.uuid4())
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: deliver(receiver, pushed(commit), delivery=delivery), range(8)))
    assert sorted(answer.json()["result"] for answer in answers) == ["duplicate"] * 7 + ["started"]
    assert len(runs_of(f"commit:{commit[:7]}")) == 1


def test_a_branch_that_goes_back_to_an_old_commit_is_integrated_again(receiver: str) -> None:
    commit = new_commit()
    answers = [deliver(receiver, pushed(commit)) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert len(runs_of(f"commit:{commit[:7]}")) == 2


def test_a_delivery_that_prefect_did_not_take_is_not_accepted_and_can_be_redelivered(receiver: str) -> None:
    commit, delivery = new_commit(), str(uuid.uuid4())
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}/api"
        with temporary_settings({PREFECT_API_URL: nowhere, PREFECT_CLIENT_MAX_RETRIES: 0}):
            app = create_app(DELIVERY, (NEW,))
            with serve(_in_these_settings(app)) as cut_off:
                answer = deliver(cut_off, pushed(commit), delivery=delivery)
    assert (answer.status_code, answer.json()) == (
        503,
        {"message": "the run could not be handed to Prefect; redeliver this delivery later"},
    )
    assert deliver(receiver, pushed(commit), delivery=delivery).json()["result"] == "started"
    assert len(runs_of(f"commit:{commit[:7]}")) == 1


def _in_these_settings(app: Any) -> Any:
    """Prefect's settings belong to a context, which the server's thread does not share."""
    address = str(PREFECT_API_URL.value())

    async def run(scope: Any, receive: Any, send: Any) -> None:
        with temporary_settings({PREFECT_API_URL: address, PREFECT_CLIENT_MAX_RETRIES: 0}):
            await app(scope, receive, send)

    return run


@pytest.mark.parametrize(
    ("event", "file", "result", "message"),
    [
        ("ping", "ping/payload.json", "pong", "the webhook reaches Tidegate"),
        ("issue_comment", "issue_comment/created.payload.json", "ignored", "the comment is no command"),
        ("delete", "delete/payload.json", "ignored", "nothing listens to 'delete' events"),
        ("push", "push/payload.json", "ignored", "refs/tags/simple-tag is not a branch"),
    ],
)
def test_what_asks_for_nothing_is_answered_with_the_reason(
    receiver: str, event: str, file: str, result: str, message: str
) -> None:
    answer = deliver(receiver, (DATA / file).read_bytes(), event)
    assert (answer.status_code, answer.json()) == (200, {"result": result, "message": message, "flow_runs": []})


def pull_request(action: str, number: int, moment: str, commit: str) -> bytes:
    body = json.loads((DATA / f"pull_request/{action}.payload.json").read_text())
    body["number"], body["pull_request"]["updated_at"] = number, moment
    body["pull_request"]["head"]["sha"] = commit
    return json.dumps(body).encode()


def states_of(number: int) -> dict[str, str]:
    return {str(run.parameters["commit"]): run.state.type.value for run in runs_of(f"pr:{number}", "application:hello")}


def test_a_newer_commit_takes_the_place_of_older_ones_in_whatever_order_they_are_told(receiver: str) -> None:
    first, second, third = new_commit(), new_commit(), new_commit()
    for commit, moment in ((first, "2026-11-21T10:00:00Z"), (third, "2026-11-21T10:00:09Z")):
        assert deliver(receiver, pull_request("synchronize", 71, moment, commit), "pull_request").status_code == 202
    assert states_of(71) == {first: "CANCELLED", third: "SCHEDULED"}
    late = deliver(receiver, pull_request("synchronize", 71, "2026-11-21T10:00:05Z", second), "pull_request")
    assert late.status_code == 202
    assert states_of(71)[third] == "SCHEDULED"


def test_the_end_of_a_pull_request_cancels_its_checks_and_no_others(receiver: str) -> None:
    mine, other = new_commit(), new_commit()
    for number, commit in ((72, mine), (73, other)):
        deliver(receiver, pull_request("opened", number, "2026-11-21T10:00:00Z", commit), "pull_request")
    closed = pull_request("closed", 72, "2026-11-21T10:01:00Z", mine)
    for expected in ("cancelled", "ignored"):
        assert deliver(receiver, closed, "pull_request").json()["result"] == expected
    assert (states_of(72), states_of(73)) == ({mine: "CANCELLED"}, {other: "SCHEDULED"})


def test_a_command_is_handed_to_a_run_that_asks_github_who_may(receiver: str) -> None:
    body = json.loads((DATA / "issue_comment/created.payload.json").read_text())
    body["issue"]["pull_request"] = {"url": "http://127.0.0.1"}
    body["comment"]["body"] = "/retest"
    guid = str(uuid.uuid4())
    first, again = (deliver(receiver, json.dumps(body).encode(), "issue_comment", guid) for _ in range(2))
    assert (first.status_code, first.json()["message"]) == (202, "answer was started for retest #1")
    assert (again.status_code, again.json()["result"]) == (200, "duplicate")
    assert first.json()["flow_runs"] == again.json()["flow_runs"]


def test_an_approval_for_nothing_that_waits_is_told_so(receiver: str) -> None:
    body = json.loads((DATA / "issue_comment/created.payload.json").read_text())
    body["comment"]["body"] = "/approve staging 1a2b3c4"
    answer = deliver(receiver, json.dumps(body).encode(), "issue_comment")
    assert (answer.status_code, answer.json()["result"]) == (200, "ignored")
    assert "no promotion of lonely to staging waits" in answer.json()["message"]
    # On GitHub too, by a run of its own.
    with get_client(sync_client=True) as client:
        mine = FlowRunFilter(tags=FlowRunFilterTags(all_=["application:lonely"]))
        replies = [run.parameters for run in client.read_flow_runs(flow_run_filter=mine)]
    [reply] = [one for one in replies if one.get("asked") == "reply"]
    assert (reply["comment"], reply["person"]) == (body["comment"]["id"], body["comment"]["user"]["login"])
    assert reply["said"].startswith("no promotion of lonely to staging waits")


def test_while_the_secret_is_changed_both_are_valid(receiver: str) -> None:
    body = (DATA / "ping/payload.json").read_bytes()
    assert deliver(receiver, body, "ping", secret=OLD).status_code == 200
    assert deliver(receiver, body, "ping", secret=b"the secret of a stranger").status_code == 401


@pytest.mark.parametrize(
    ("changes", "status", "sentence"),
    [
        ({"X_Hub_Signature_256": None}, 401, "X-Hub-Signature-256 is missing"),
        ({"X_Hub_Signature_256": "sha256=" + "0" * 64}, 401, "the signature does not fit the body"),
        ({"X_Hub_Signature_256": "sha256=\u00e9"}, 401, "the signature does not fit the body"),
        ({"Content_Type": "application/x-www-form-urlencoded"}, 415, "the content type is not application/json"),
        ({"Content_Type": None}, 415, "the content type is not application/json"),
        ({"X_GitHub_Event": None}, 400, "X-GitHub-Event or X-GitHub-Delivery is missing or malformed"),
        ({"X_GitHub_Delivery": "../../x y"}, 400, "X-GitHub-Event or X-GitHub-Delivery is missing or malformed"),
    ],
)
def test_a_wrong_request_is_refused_with_a_sentence(
    receiver: str, changes: dict[str, Any], status: int, sentence: str
) -> None:
    commit = new_commit()
    encoded = {name: value.encode() if value else value for name, value in changes.items()}
    answer = deliver(receiver, pushed(commit), **encoded)
    assert answer.status_code == status
    assert answer.json()["message"].startswith(sentence)
    assert runs_of(f"commit:{commit[:7]}") == []


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"{", "the body is not JSON"),
        (b"\xff\xfe", "the body is not JSON"),
        (b"[" * 100_000, "the body is not JSON"),
        (b"[]", "the payload is not that of a push event; wrong or missing: the whole"),
        (b'{"ref": 1}', "the payload is not that of a push event; wrong or missing: after, ref, repository"),
        (b'{"ref": "refs/heads/x", "after": "--exec=x", "repository": {"full_name": "a/b"}}', "the payload is not"),
    ],
)
def test_a_signed_body_that_is_no_payload_is_refused(receiver: str, body: bytes, sentence: str) -> None:
    answer = deliver(receiver, body)
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(sentence)


def test_nothing_of_a_refused_payload_is_logged(receiver: str, caplog: pytest.LogCaptureFixture) -> None:
    body = pushed(new_commit(), "a-branch-that-nobody-else-has")
    with caplog.at_level(logging.DEBUG):
        deliver(receiver, body, secret=b"wrong")
        deliver(receiver, body, X_Hub_Signature_256=None)
        deliver(receiver, body, Content_Type="text/plain")
        deliver(receiver, body[:-1])
    assert "A request was refused (401)" in caplog.text
    assert "a-branch-that-nobody-else-has" not in caplog.text
    assert "Codertocat" not in caplog.text


@pytest.mark.parametrize("size", [25 * 1024 * 1024 + 1, 60 * 1024 * 1024])
def test_a_body_above_the_limit_is_refused_while_it_is_still_being_sent(receiver: str, size: int) -> None:
    status, message = send_slowly(receiver, size)
    assert status == 413
    assert "more than 26214400 bytes" in message


def test_a_body_at_the_limit_is_taken(receiver: str) -> None:
    body = b'{"zen": "' + b"x" * (25 * 1024 * 1024 - 11) + b'"}'
    assert deliver(receiver, body, "ping").status_code == 200


def send_slowly(url: str, size: int) -> tuple[int, str]:
    """Without a length: nothing but counting can tell how much comes."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    connection.putrequest("POST", "/webhook")
    for name, value in {
        "Content-Type": "application/json",
        "X-Hub-Signature-256": "sha256=x",
        "Transfer-Encoding": "chunked",
    }.items():
        connection.putheader(name, value)
    connection.endheaders()
    piece = b"x" * 1024 * 1024
    try:
        for start in range(0, size, len(piece)):
            part = piece[: size - start]
            connection.send(b"%x\r\n%b\r\n" % (len(part), part))
        connection.send(b"0\r\n\r\n")
    except (BrokenPipeError, ConnectionResetError):
        pass
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())["message"]


def test_only_two_routes_are_there(receiver: str) -> None:
    assert httpx.get(f"{receiver}/healthz").json() == {"status": "ok"}
    for path in ("/", "/docs", "/openapi.json"):
        answer = httpx.get(f"{receiver}{path}")
        assert (answer.status_code, answer.json()) == (404, {"message": "there is only POST /webhook and GET /healthz"})
    assert httpx.get(f"{receiver}/webhook").status_code == 405


def test_without_a_secret_it_does_not_start() -> None:
    with pytest.raises(ConfigurationError, match="TIDEGATE_WEBHOOK_SECRET is not set"):
        read_secrets({"TIDEGATE_WEBHOOK_SECRET": "", "TIDEGATE_WEBHOOK_SECRET_PREVIOUS": "x"})
    both = {"TIDEGATE_WEBHOOK_SECRET": "new", "TIDEGATE_WEBHOOK_SECRET_PREVIOUS": "old"}
    assert read_secrets(both) == (b"new", b"old")
