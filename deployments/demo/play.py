"""Plays one story: pushes the commit, follows its runs, answers the question, and sums up what is true at the end."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain, repeat
from typing import Protocol

from prefect.client.orchestration import SyncPrefectClient, get_client

from deployments.demo.people import Answering, Decision
from deployments.demo.platform import RECORDED_AFTER_SECONDS, Platform
from deployments.demo.stories import Story
from deployments.demo.summary import Summary, sum_up
from deployments.demo.timeline import Run, read_runs
from deployments.sandbox.world import REPOSITORY, World

# Asks the person, telling what the story wants; None means that they have decided in the browser.
Ask = Callable[[Run, Decision], Decision | None]
_LIMIT_SECONDS = 600
_LOOK_SECONDS = 0.3


class Screen(Protocol):
    """Where the story is shown."""

    def say(self, text: str) -> None:
        """One line that stays."""

    def show(self, runs: tuple[Run, ...]) -> None:
        """The runs as they are now."""


def play(story: Story, world: World, platform: Platform, screen: Screen, ask: Ask) -> Summary:
    """Raises TimeoutError where the story does not end within ten minutes."""
    if said := story.before(world):
        screen.say(said)
    answers = chain(story.answers, repeat(story.answers[-1]))
    at_the_question = partial(_at_the_question, story, world, platform, screen, ask, answers)
    with get_client(sync_client=True) as client:

        def to_the_end(commit: str) -> None:
            follow(client, commit, screen.show, at_the_question, patience_seconds=_LIMIT_SECONDS)

        commit, pushed = _open(story, world, screen, to_the_end)
        to_the_end(commit)
        time.sleep(2 * RECORDED_AFTER_SECONDS)
        runs = read_runs(client, commit)
        screen.show(runs)
    for line in story.closing(world, commit):
        screen.say(line)
    # A run is created right when the receiver hears of the push.
    return sum_up(story, world, platform, commit, runs, pushed or runs[0].created.timestamp())


def _open(story: Story, world: World, screen: Screen, to_the_end: Callable[[str], None]) -> tuple[str, float | None]:
    """The commit to follow, and when it was pushed, in seconds since 1970; None where the story pushed it itself."""
    if story.opening:
        return story.opening(world, to_the_end, screen.say), None
    screen.say(f"Pushing '{story.subject}' to {REPOSITORY}, and delivering GitHub's webhook")
    pushed = time.time()
    commit = world.push(story.subject, story.files)
    delivery = world.last_delivery()
    screen.say(
        f"The receiver answered {delivery.status_code} in {delivery.duration * 1000:.0f} ms; commit {commit[:7]}"
    )
    return commit, pushed


def follow(
    client: SyncPrefectClient,
    commit: str,
    show: Callable[[tuple[Run, ...]], None],
    answer: Callable[[Run], None],
    *,
    patience_seconds: float = 10,
) -> tuple[Run, ...]:
    """All runs of the commit once they are over; `answer` is called once for each question that a run asks.

    A run that is planned for later than `patience_seconds` from now is not waited for.

    Raises TimeoutError where they do not end within ten minutes.
    """
    answered = set()
    deadline = time.monotonic() + _LIMIT_SECONDS
    while time.monotonic() < deadline:
        runs = read_runs(client, commit)
        show(runs)
        # A run starts the next one before it ends, so nothing more comes once all are over.
        latest = datetime.now(UTC) + timedelta(seconds=patience_seconds)
        if runs and all(run.is_over or (run.planned_for and run.planned_for > latest) for run in runs):
            return runs
        for run in runs:
            if run.is_waiting and run.state_id not in answered:
                answered.add(run.state_id)
                answer(run)
        time.sleep(_LOOK_SECONDS)
    raise TimeoutError(f"the runs of {commit[:7]} did not end within {_LIMIT_SECONDS} s; look at them in the UI")


def _at_the_question(
    story: Story,
    world: World,
    platform: Platform,
    screen: Screen,
    ask: Ask,
    answers: Iterator[Answering],
    waiting: Run,
) -> None:
    # Whoever answers in the browser takes the turn too.
    answering = next(answers)
    link = f"{platform.ui_url}/runs/flow-run/{waiting.run_id}"
    screen.say(f"{waiting.name} waits for an approval: {link}")
    if happened := story.meanwhile(world, waiting):
        screen.say(happened)
    decision = ask(waiting, story.decision)
    if decision is not None:
        screen.say(answering(waiting, decision))
