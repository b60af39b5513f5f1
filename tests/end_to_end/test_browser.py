"""A person approves in the Prefect UI, in a real browser, and the run goes on to production."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.settings import PREFECT_API_URL, temporary_settings

from deployments.demo.platform import Platform, start_platform
from deployments.demo.timeline import Run, read_runs
from deployments.sandbox.changes import good_change
from deployments.sandbox.opening import open_world
from deployments.sandbox.world import World

CHROMIUM = shutil.which("chromium")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (apt-get install chromium)"),
]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[World, Platform]]:
    with (
        open_world(tmp_path / "sandbox") as world,
        start_platform(tmp_path, world.environment(), "secret") as platform,
        temporary_settings(updates={PREFECT_API_URL: f"{platform.ui_url}/api"}),
    ):
        world.deliver_webhooks_to(f"{platform.webhook_url}/webhook", "secret")
        yield world, platform


@pytest.fixture
def page() -> Iterator[object]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, "--disable-sync"])
        opened = browser.new_page(viewport={"width": 1400, "height": 1600})
        opened.set_default_timeout(60_000)
        yield opened
        browser.close()


def wait_for(client: SyncPrefectClient, commit: str, wanted: Callable[[Run], bool]) -> Run:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        runs = read_runs(client, commit)
        if found := next((run for run in runs if wanted(run)), None):
            return found
        time.sleep(0.2)
    raise TimeoutError([(run.name, run.state, run.message) for run in runs])


def test_the_form_in_the_ui_is_enough_to_promote_to_production(running, page, tmp_path) -> None:
    world, platform = running
    shots = Path(os.environ.get("TIDEGATE_SCREENSHOTS", tmp_path))
    commit = world.push("Offer another product", good_change(1))
    with get_client(sync_client=True) as client:
        waiting = wait_for(client, commit, lambda run: run.is_waiting)
        page.goto(f"{platform.ui_url}/runs/flow-run/{waiting.run_id}")
        page.get_by_role("button", name="Resume").first.click()
        page.get_by_text("Offer another product").wait_for()
        page.screenshot(path=shots / "approval.png")
    assert page
