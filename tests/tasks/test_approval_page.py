"""The approval page: only through the proxy, only from the page itself, and only for the question that was read."""

import re
import threading
import time
from collections.abc import Iterator

import httpx
import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowFilter, FlowFilterName

from deployments.approval_seal import make_seal, read_seal
from deployments.sandbox.server import serve
from deployments.webhook import create_app
from deployments.webhook.approval_page import SECRET, SECRET_HEADER, USER_HEADER, approval_page
from tasks.approval.ask import Reply, ask, question_id
from tasks.domain.approval.seal import Sealed, is_right
from tasks.domain.delivery.approval import ApprovalPolicy, Identity
from tasks.domain.errors import ConfigurationError

PASSWORD = "only the proxy knows this one"
ASKING = FlowFilter(name=FlowFilterName(any_=["asks-on-the-page"]))
REPLIES: dict[str, Reply] = {}
QUESTION = "## shop-api → production\n\n- <script>alert(1)</script> [x](javascript:alert(1)) *done*"


@flow(name="asks-on-the-page")
def asking(number: int) -> None:
    policy = ApprovalPolicy(identity=(Identity.PROXY,))
    for attempt in (1, 2):
        reply = ask(policy, QUESTION, key=f"q-{attempt}", timeout_seconds=120)
        assert isinstance(reply, Reply)
        REPLIES[f"{number}-{attempt}"] = reply


class Page:
    """A waiting run, and its page as the proxy asks for it."""

    def __init__(self, number: int, base: str) -> None:
        self.number = number
        self._thread = threading.Thread(target=asking, args=(number,))
        self._thread.start()
        self.run_id, self.question = self._wait("q-1")
        self.url = f"{base}/approvals/{self.run_id}"

    def _wait(self, key: str) -> tuple[str, str]:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with get_client(sync_client=True) as client:
                for run in client.read_flow_runs(flow_filter=ASKING):
                    details = run.state.state_details if run.state else None
                    if run.parameters == {"number": self.number} and details and details.pause_key == key:
                        return str(run.id), question_id(str(run.id), key)
            time.sleep(0.05)
        raise AssertionError(f"no run waits at {key}")

    def get(self, user: str = "ada@example.org") -> httpx.Response:
        return httpx.get(self.url, headers=proxied(user))

    def token(self, user: str = "ada@example.org") -> str:
        found = re.search(r'name="token" value="([0-9a-f]+)"', self.get(user).text)
        assert found
        return found[1]

    def post(self, user: str = "ada@example.org", headers: dict[str, str] | None = None, **form: str) -> httpx.Response:
        return httpx.post(self.url, data=form, headers=proxied(user) | (headers or {}))

    def reply(self, attempt: int) -> Reply:
        deadline = time.monotonic() + 60
        while f"{self.number}-{attempt}" not in REPLIES:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return REPLIES[f"{self.number}-{attempt}"]

    def end(self) -> None:
        for key in ("q-1", "q-2"):
            if key.replace("q", str(self.number)) not in REPLIES:
                self._wait(key)
                self.post(token=self.token(), decision="reject")
        self._thread.join(60)


def proxied(user: str) -> dict[str, str]:
    return {"X-Forwarded-Email": user, SECRET_HEADER: PASSWORD}


@pytest.fixture(scope="module")
def base(prefect_server: str) -> Iterator[str]:
    make_seal()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(USER_HEADER, "X-Forwarded-Email")
        patch.setenv(SECRET, PASSWORD)
        app = create_app(secrets=(b"webhook",))
    with serve(app) as url:
        yield url


@pytest.fixture(scope="module")
def pages() -> Iterator[list[Page]]:
    opened: list[Page] = []
    yield opened
    for page in opened:
        page.end()


@pytest.fixture
def page(base: str, pages: list[Page]) -> Page:
    pages.append(Page(len(pages) + 1, base))
    return pages[-1]


def test_the_page_shows_the_question_and_takes_the_answer_of_who_is_signed_in(page: Page) -> None:
    shown = page.get()
    assert "<h2>shop-api → production</h2>" in shown.text
    assert "You are signed in as <strong>ada@example.org</strong>" in shown.text
    answered = page.post(token=page.token(), decision="approve", comment="looks good")

    assert (answered.status_code, "answered <strong>approve</strong>" in answered.text) == (200, True)
    reply = page.reply(1)
    assert (reply.decision, reply.approver, reply.comment) == ("approve", "ada@example.org", "looks good")
    expected = Sealed(page.question, "approve", "ada@example.org", Identity.PROXY, "looks good")
    assert is_right(reply.code.get_secret_value(), expected, read_seal())


def test_what_others_wrote_neither_runs_nor_links(page: Page) -> None:
    shown = page.get()
    assert "<script>" not in shown.text
    assert "href" not in shown.text
    assert "default-src 'none'" in shown.headers["Content-Security-Policy"]
    assert shown.headers["X-Frame-Options"] == "DENY"
    assert "<b>" not in page.get("<b>ada</b>").text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"X-Forwarded-Email": "ada"}, 403),
        ({"X-Forwarded-Email": "ada", SECRET_HEADER: "guess"}, 403),
        ({SECRET_HEADER: PASSWORD}, 401),
        ({"X-Forwarded-Email": "", SECRET_HEADER: PASSWORD}, 401),
        ([("X-Forwarded-Email", "ada"), ("X-Forwarded-Email", "ben"), (SECRET_HEADER, PASSWORD)], 401),
    ],
    ids=str,
)
def test_nobody_gets_past_the_proxy(base: str, headers: dict[str, str], status: int) -> None:
    url = f"{base}/approvals/00000000-0000-0000-0000-000000000000"
    assert httpx.get(url, headers=headers).status_code == status
    assert httpx.post(url, headers=headers, data={"decision": "approve"}).status_code == status


def test_an_answer_that_does_not_come_from_the_page_is_refused(page: Page) -> None:
    token = page.token()
    assert page.post(decision="approve").status_code == 403
    assert page.post(decision="approve", token="0" * 64).status_code == 403
    assert page.post(decision="approve", token=page.token("mallory")).status_code == 403
    assert page.post(decision="approve", token=token, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert page.post(decision="maybe", token=token).status_code == 400
    assert page.post(decision="approve", token=token, comment="x" * 9000).status_code == 413
    assert httpx.get(page.url + "x", headers=proxied("ada")).status_code == 404


def test_an_answer_to_a_question_that_is_over_is_refused(page: Page) -> None:
    token = page.token()
    assert page.post(token=token, decision="approve").status_code == 200
    page.reply(1)
    page._wait("q-2")
    stale = page.post(token=token, decision="approve")
    assert (stale.status_code, "not to the question that is asked now" in stale.text) == (403, True)


def test_the_page_is_only_there_where_it_is_configured() -> None:
    assert approval_page({}) is None
    for half in ({USER_HEADER: "X-User"}, {SECRET: PASSWORD}, {USER_HEADER: "X-User", SECRET: "short"}):
        with pytest.raises(ConfigurationError, match=f"both {USER_HEADER} and {SECRET}"):
            approval_page(half)
