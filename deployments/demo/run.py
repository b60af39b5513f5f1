"""Runs the demo from start to end, and decides how it is shown and who answers."""

import secrets
import select
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings
from rich.console import Console
from rich.live import Live

from deployments.demo.people import Decision
from deployments.demo.platform import Platform, complete, start_server
from deployments.demo.play import Ask, Screen, play
from deployments.demo.screens import LiveScreen, PlainScreen
from deployments.demo.stories import Story, find_story
from deployments.demo.summary import Summary, show_summary
from deployments.demo.timeline import Run
from deployments.sandbox.opening import open_world
from deployments.sandbox.world import World

_KEYS: dict[str, Decision] = {"a": "approve", "r": "reject"}


def run_demo(scenario: str, summary_file: Path | None, *, yes: bool) -> int:
    """The exit code: 0 where the story ended as it has to, 1 with the reason where not.

    Raises ValueError for an unknown scenario before anything is started.
    """
    story = find_story(scenario)
    console = Console(soft_wrap=True)
    is_interactive = console.is_terminal and sys.stdin.isatty()
    with ExitStack() as parts:
        parts.enter_context(_ended_by_signals())
        folder = Path(parts.enter_context(tempfile.TemporaryDirectory(prefix="tidegate-", ignore_cleanup_errors=True)))
        world, platform = parts.enter_context(_started(folder, console))
        summary = _tell(story, world, platform, console, asks=is_interactive and not yes)
        show_summary(summary, console)
        if summary_file:
            summary.write(summary_file)
        if is_interactive:
            _stay(platform, world, console)
    if summary.problem:
        console.print(f"Failed: {summary.problem}", style="red", highlight=False, markup=False)
        return 1
    return 0


@contextmanager
def _started(folder: Path, console: Console) -> Iterator[tuple[World, Platform]]:
    began = time.monotonic()
    console.print(
        "Starting a Prefect server, and GitHub, Argo CD, SonarQube, a registry and a cluster in the sandbox ..."
    )
    secret = secrets.token_hex(16)
    with start_server(folder) as server, open_world(folder / "sandbox") as world:
        console.print(f"Images are built by {world.builder}", highlight=False)
        console.print("Registering blocks and deployments, starting a worker and the webhook receiver ...")
        with (
            complete(server, world.environment(), secret) as platform,
            temporary_settings(updates={PREFECT_API_URL: f"{platform.ui_url}/api"}),
        ):
            world.deliver_webhooks_to(f"{platform.webhook_url}/webhook", secret)
            console.print(f"Prefect UI: {platform.ui_url} (started in {time.monotonic() - began:.0f} s)")
            yield world, platform


def _tell(story: Story, world: World, platform: Platform, console: Console, *, asks: bool) -> Summary:
    if not console.is_terminal:
        return play(story, world, platform, PlainScreen(console), _as_the_story_says)
    with Live(console=console, refresh_per_second=4) as live:
        screen: Screen = LiveScreen(console, live)
        return play(story, world, platform, screen, _from_terminal(live) if asks else _as_the_story_says)


def _as_the_story_says(_waiting: Run, decision: Decision) -> Decision:
    return decision


def _from_terminal(live: Live) -> Ask:
    def ask(waiting: Run, _decision: Decision) -> Decision | None:
        live.stop()
        try:
            return _read_key(waiting)
        finally:
            live.start()

    return ask


def _read_key(waiting: Run) -> Decision | None:
    """None as soon as somebody has decided in the browser."""
    sys.stdout.write("Approve or reject here with a or r and Enter, or in the browser: ")
    sys.stdout.flush()
    with get_client(sync_client=True) as client:
        while (state := client.read_flow_run(waiting.run_id).state) and state.is_paused():
            if select.select([sys.stdin], [], [], 0.5)[0]:
                key = sys.stdin.readline().strip().lower()[:1]
                if key in _KEYS:
                    return _KEYS[key]
    return None


def _stay(platform: Platform, world: World, console: Console) -> None:
    console.print(f"\nEverything stays up to be looked at: {platform.ui_url}/artifacts, {world.addresses.github}")
    console.print("Ctrl-C ends it.")
    try:
        while True:
            time.sleep(1)
    except KeyboardInterrupt:
        console.print("Stopping ...")


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """A termination is an orderly end too: everything that was started is stopped."""

    def end(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
