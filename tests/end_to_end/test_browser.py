"""A person approves in the Prefect UI, in a real browser, and the run goes on to production."""

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pyotp
import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.settings import PREFECT_API_URL, temporary_settings

from deployments.answers import give_verified_answer, read_question
from deployments.demo.people import ask_for_two
from deployments.demo.platform import Platform, start_platform
from deployments.demo.timeline import Run, read_runs
from deployments.sandbox.changes import good_change
from deployments.sandbox.opening import open_world
from deployments.sandbox.world import World
from tasks.approval.people import find_approver
from tasks.domain.delivery.approval import Identity

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page, Response

CHROMIUM = shutil.which("chromium")
# How both UIs name a version of an artifact: the beginning of its id.
VERSION = re.compile(r"^[0-9a-f]{8}$")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (apt-get install chromium)"),
]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Platform]]:
    folder = tmp_path_factory.mktemp("platform")
    with (
        open_world(folder / "sandbox") as world,
        start_platform(folder, world.environment(), "secret") as platform,
        temporary_settings(updates={PREFECT_API_URL: f"{platform.ui_url}/api"}),
    ):
        world.deliver_webhooks_to(f"{platform.webhook_url}/webhook", "secret")
        yield world, platform


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (make test does it)")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, "--disable-sync"])
        yield opened
        opened.close()


@pytest.fixture
def page(browser: "Browser") -> Iterator["Page"]:
    # A context of its own, because the UI that was chosen last is kept in a cookie.
    with browser.new_context(viewport={"width": 1280, "height": 1500}) as context:
        opened = context.new_page()
        opened.set_default_timeout(60_000)
        yield opened


@pytest.fixture
def shots(tmp_path: Path) -> Path:
    folder = Path(os.environ.get("TIDEGATE_SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def wait_for(client: SyncPrefectClient, commit: str, wanted: Callable[[Run], bool]) -> Run:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        runs = read_runs(client, commit)
        if found := next((run for run in runs if wanted(run)), None):
            return found
        if runs and all(run.is_over for run in runs):
            break
        time.sleep(0.2)
    raise AssertionError([(run.name, run.state, run.message) for run in runs])


def open_form(page: "Page", ui: str) -> "Locator":
    if ui == "v2":
        page.get_by_role("button", name="Open menu").click()
        page.get_by_role("menuitem", name="Resume").click()
    else:
        page.get_by_role("button", name="Resume").click()
    form = page.get_by_role("dialog")
    form.get_by_text("What is written").wait_for()
    return form


def send(page: "Page", form: "Locator", ui: str) -> "Response":
    """Click until the server takes it: while its SQLite is locked it answers 503."""
    for _ in range(5):
        with page.expect_response(re.compile(r"/resume$")) as answer:
            form.get_by_role("button", name="Resume" if ui == "v2" else "Submit").click()
        if answer.value.status != 503:
            break
    return answer.value


def fill_in(page: "Page", form: "Locator", ui: str, **answer: str) -> None:
    texts = [answer["approver"], *([answer["code"]] if "code" in answer else []), answer["comment"]]
    if ui == "v2":
        form.get_by_label("Select Decision").click()
        labels = ["Your name", *(["One-time code"] if "code" in answer else []), "Comment"]
        fields = [form.get_by_label(label) for label in labels]
    else:
        # A click on the field itself opens the list and closes it again, and labels are not tied to their fields.
        form.locator(".p-select-button__icon").click()
        fields = form.get_by_role("textbox").all()
    page.get_by_role("option", name=answer["decision"]).click()
    for field, text in zip(fields, texts, strict=True):
        field.fill(text)


def what_stands_in(form: "Locator") -> str:
    """As one line, however wide the form is."""
    return " ".join(form.inner_text().split())


@pytest.mark.parametrize(("ui", "products"), [("v1", 1), ("v2", 2)])
def test_the_form_in_the_ui_is_enough_to_promote_to_production(
    running: tuple[World, Platform], page: "Page", shots: Path, ui: str, products: int
) -> None:
    world, platform = running
    base = platform.ui_url + ("/v2" if ui == "v2" else "")
    before = world.read_environment("production").digest
    subject = f"Offer product_{products} *now*"
    commit = world.push(subject, good_change(products))
    with get_client(sync_client=True) as client:
        waiting = wait_for(client, commit, lambda run: run.is_waiting)

        page.goto(f"{base}/runs/flow-run/{waiting.run_id}")
        form = open_form(page, ui)
        shown = what_stands_in(form)
        assert f"{short(before)} " in shown
        assert f"→ {short(waiting.digest)}" in shown
        assert f"{commit[:7]} {subject} — Dana Developer" in shown
        assert re.search(r"✓ All \d gates passed\.", shown)
        assert "✓ coverage: 100.00 % of lines are covered (" in shown
        assert f'- digest: "sha256:{short(before)}…"' in shown
        assert f'+ digest: "sha256:{short(waiting.digest)}…"' in shown
        take(page, shots / f"approval-{ui}.png")
        fill_in(page, form, ui, decision="approve", approver="Robin Reviewer", comment="Looked at it in staging")
        take(page, shots / f"approval-filled-in-{ui}.png")
        answer = send(page, form, ui)
        assert answer.ok, answer.text()
        assert answer.json()["status"] == "ACCEPT", answer.text()
        ended = wait_for(client, commit, lambda run: run.environment == "production" and run.is_over)

    assert (ended.run_id, ended.state) == (waiting.run_id, "Verified")
    production = world.read_environment("production")
    assert (production.digest, production.health) == (world.find_digest(commit), "Healthy")
    assert httpx.get(production.url).headers["X-Commit"] == commit
    change = world.read_changes("production")[0]
    assert (change.source_commit, change.approved_by) == (commit, "Robin Reviewer (name unproven)")

    page.goto(f"{base}/runs/flow-run/{waiting.run_id}")
    page.get_by_text("Verified").first.wait_for()
    page.get_by_text("Beginning flow run").wait_for()
    take(page, shots / f"finished-run-{ui}.png")
    look_at_artifacts(page, base, shots, ui, f"shop-api {commit[:7]}")


@pytest.mark.parametrize(("ui", "products"), [("v1", 3), ("v2", 4)])
def test_two_people_approve_and_the_second_sees_who_has(
    running: tuple[World, Platform], page: "Page", shots: Path, ui: str, products: int
) -> None:
    world, platform = running
    if "one-time-code" not in world.delivery_file.read_text():
        apart(ask_for_two, world)
    codes = pyotp.TOTP(apart(find_approver.fn, "Ada Lovelace").secret.get_secret_value())
    address = f"{platform.ui_url}{'/v2' if ui == 'v2' else ''}/runs/flow-run"
    commit = world.push(f"Offer product {products}", good_change(products))
    with get_client(sync_client=True) as client:
        first = wait_for(client, commit, lambda run: run.is_waiting)
        page.goto(f"{address}/{first.run_id}")
        form = open_form(page, ui)
        assert "The code from your authenticator proves your name; it counts once." in what_stands_in(form)
        # The code of the step before still counts, so both UIs can have one within the same half minute.
        code = codes.at(datetime.now(UTC) - timedelta(seconds=30 if ui == "v1" else 0))
        fill_in(page, form, ui, decision="approve", approver="ada lovelace", code=code, comment="Looked at it")
        take(page, shots / f"code-filled-in-{ui}.png")
        answer = send(page, form, ui)
        assert answer.ok, answer.text()
        assert answer.json()["status"] == "ACCEPT", answer.text()
        second = wait_for(client, commit, lambda run: run.is_waiting and run.state_id != first.state_id)
        page.goto(f"{address}/{second.run_id}")
        form = open_form(page, ui)
        shown = what_stands_in(form)
        assert "✓ Approved by Ada Lovelace (one-time code)" in shown
        assert "○ Still missing: 1 more of Ada Lovelace, grace" in shown
        assert code not in page.content()
        take(page, shots / f"second-question-{ui}.png")
        apart(give_verified_answer, read_question(second.run_id), "approve", "grace", "", Identity.GITHUB)
        wait_for(client, commit, lambda run: run.environment == "production" and run.is_over)
    assert world.read_changes("production")[0].approved_by == "Ada Lovelace (one-time code), grace (GitHub)"


def apart(work: Callable[..., Any], *arguments: object) -> Any:
    """In a thread of its own: in the browser's, which has an event loop, Prefect would hand out coroutines."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(copy_context().run, work, *arguments).result()


def look_at_artifacts(page: "Page", base: str, shots: Path, ui: str, candidate: str) -> None:
    """The newest version of each, as a person finds it."""
    page.goto(f"{base}/artifacts")
    page.get_by_text("shop-api-candidate").first.wait_for()
    take(page, shots / f"artifacts-{ui}.png")
    for topic, shown in (
        ("candidate", "unit-tests:"),
        ("gates", "static-analysis"),
        ("production", "Robin Reviewer (name unproven): Looked at it in staging"),
        ("production-approval", "values-production.yaml"),
    ):
        page.goto(f"{base}/artifacts/key/shop-api-{topic}")
        page.get_by_role("link", name=VERSION).first.click()
        page.get_by_text(candidate).first.wait_for()
        page.get_by_text(shown).first.wait_for()
        take(page, shots / f"artifact-{topic}-{ui}.png")


def take(page: "Page", file: Path) -> None:
    # What moves and what is drawn on a canvas comes to rest; nothing is asserted on it.
    page.wait_for_timeout(700)
    page.screenshot(path=file)


def short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:12]
