"""One event stream for all rollouts of a process: what wakes them, what does not, and what it costs."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from prefect.logging import disable_run_logger

from deployments.sandbox.argocd.rehearsal import (
    MANIFEST,
    NEW,
    Rehearsal,
    is_settled,
    open_rehearsal,
)
from tasks.argocd.rollout import wait_for_rollout
from tasks.domain.argocd.events import Broken, Changed, read_event, read_prints
from tasks.domain.delivery.rollout import ArgoCDTarget, RolloutTimeouts
from tasks.domain.rollout.facts import Expectation
from tasks.domain.rollout.verdict import RolloutKind, RolloutVerdict
from tasks.gitops.desired_state import contains, image_at

# So long that a test which waits for it fails; only what wakes a rollout brings it on.
NEVER = 300
WAIT = 20
PROMOTIONS = 10


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TIDEGATE_CACHE", str(tmp_path / "cache"))
    with disable_run_logger():
        yield
    assert not [thread for thread in threading.enumerate() if thread.name == "argocd-stream"]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Rehearsal]:
    with open_rehearsal(tmp_path) as rehearsal:
        yield rehearsal


def add(place: Rehearsal, count: int) -> list[str]:
    """So many Applications, each in a namespace of its own, that run the old image and are kept back from now on."""
    names = [f"shop-{number}" for number in range(count)]
    for name in names:
        place.add(name, automated={}, destination={"server": "https://kubernetes.default.svc", "namespace": name})
    for name in names:
        place.until(is_settled, name)
        place.state.faults.of(name).sync_window_denies = True
    return names


def follow(place: Rehearsal, name: str, revision: str, poll_seconds: float, most_seconds: int = WAIT) -> RolloutVerdict:
    timeouts = RolloutTimeouts(
        detect_seconds=most_seconds,
        sync_seconds=most_seconds,
        healthy_seconds=most_seconds,
        settle_seconds=0,
        degraded_grace_seconds=0,
        poll_seconds=poll_seconds,
    )
    expectation = Expectation("staging", revision, NEW, datetime.now(UTC), place.gitops.url, "main", timeouts)
    ask = partial(contains.fn, place.gitops), partial(image_at.fn, place.gitops, MANIFEST)
    with disable_run_logger():
        return wait_for_rollout.fn(place.server, ArgoCDTarget(application=name), expectation, *ask)


def let_through(place: Rehearsal, names: list[str]) -> None:
    for name in names:
        place.state.faults.of(name).sync_window_denies = False
        place.state.request_refresh(name)


def until_quiet(place: Rehearsal, names: list[str], seconds: float = 1.0) -> None:
    """Wait until nobody asks about a single Application for so long."""
    deadline, seen = time.monotonic() + WAIT, -1
    while time.monotonic() < deadline:
        now = sum(any(name in one.path for name in names) for one in place.asked)
        if now == seen and any("syncwindows" in one.path for one in place.asked):
            return
        seen = now
        time.sleep(seconds)
    raise TimeoutError("the rollouts ask on and on")


def test_an_event_wakes_the_rollout_that_waits_for_it(place: Rehearsal) -> None:
    names = add(place, 1)
    revision = place.promote()
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(follow, place, names[0], revision, NEVER)
        until_quiet(place, names)
        before = len(place.asked)
        time.sleep(1)
        assert len(place.asked) == before
        let_through(place, names)

        assert waiting.result(WAIT).kind is RolloutKind.CONFIRMED


def test_waiting_costs_the_same_for_one_promotion_and_for_ten(place: Rehearsal) -> None:
    names = add(place, PROMOTIONS)
    revision, costs = place.promote(), []
    with ThreadPoolExecutor(PROMOTIONS) as pool:
        waiting = [pool.submit(follow, place, names[0], revision, 0.1)]
        costs.append(cost_of_waiting(place, names))
        waiting += [pool.submit(follow, place, name, revision, 0.1) for name in names[1:]]
        costs.append(cost_of_waiting(place, names))
        let_through(place, names)

        assert {one.result(WAIT).kind for one in waiting} == {RolloutKind.CONFIRMED}
    # One list each 0.6 s, whoever waits; one more or less is the machine's.
    assert 1 <= costs[0] <= 6
    assert abs(costs[1] - costs[0]) <= 1
    assert streams(place) == 1


def cost_of_waiting(place: Rehearsal, names: list[str]) -> int:
    """The requests within three seconds in which nothing happens."""
    until_quiet(place, names)
    before = len(place.asked)
    time.sleep(3)
    return len(place.asked) - before


def streams(place: Rehearsal) -> int:
    return [one.path for one in place.asked].count("/api/v1/stream/applications")


@pytest.mark.parametrize("error", [None, "the watch was closed"])
def test_a_stream_that_is_cut_is_opened_again_and_meanwhile_everybody_looks(
    place: Rehearsal, error: str | None
) -> None:
    names = add(place, 1)
    place.state.faults.stream_ends_after, place.state.faults.stream_error = 2, error
    revision = place.promote()
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(follow, place, names[0], revision, 0.1)
        time.sleep(2.5)
        let_through(place, names)

        assert waiting.result(WAIT).kind is RolloutKind.CONFIRMED
    # Not in a tight loop: the pauses double.
    assert 2 <= streams(place) <= 5


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_stream_that_is_refused_is_not_asked_for_again(place: Rehearsal, status: int) -> None:
    names = add(place, 1)
    place.state.faults.stream_status = status
    let_through(place, names)

    assert follow(place, names[0], place.promote(), 0.1).kind is RolloutKind.CONFIRMED
    assert streams(place) == 1


def test_a_stream_that_a_proxy_holds_back_is_not_relied_on(place: Rehearsal) -> None:
    names = add(place, 1)
    place.state.faults.stream_is_held_back = True
    let_through(place, names)

    assert follow(place, names[0], place.promote(), 0.1).kind is RolloutKind.CONFIRMED
    place.state.faults.stream_is_held_back = False


def test_what_the_stream_loses_the_slow_poll_finds(place: Rehearsal) -> None:
    names = add(place, 1)
    place.state.faults.stream_loses_changes = True
    revision = place.promote()
    with ThreadPoolExecutor() as pool:
        # The list is asked for each three seconds.
        waiting = pool.submit(follow, place, names[0], revision, 0.5)
        until_quiet(place, names, 2.0)
        let_through(place, names)

        assert waiting.result(WAIT).kind is RolloutKind.CONFIRMED
    assert "/api/v1/applications" in [one.path for one in place.asked]


def test_a_pod_that_cannot_start_is_seen_though_no_event_tells_of_it(place: Rehearsal) -> None:
    names = add(place, 1)
    let_through(place, names)
    place.cluster.waiting = "ContainerCreating"
    revision = place.promote()
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(follow, place, names[0], revision, 0.1)
        place.until(lambda a: a["status"]["health"]["status"] == "Progressing", names[0])
        place.cluster.waiting = "ImagePullBackOff"
        place.cluster.tell()

        assert waiting.result(WAIT).kind is RolloutKind.POD_FAILED


EVENT = '{"result":{"type":"MODIFIED","application":{"metadata":{"name":"shop","namespace":"argocd"}}}}'


@pytest.mark.parametrize(
    ("line", "event"),
    [
        ("", None),
        (":", None),
        ("data: ", None),
        (f"data: {EVENT} ", Changed("shop", "argocd")),
        (EVENT, Changed("shop", "argocd")),
        ('data: {"error":{"http_code":403,"message":"permission denied"}}', Broken("permission denied", 403)),
        ('{"error":"closed"}', Broken("closed")),
        ("<html>", Broken("something in front of Argo CD answered, not its event stream")),
        ("[]", Broken("the event stream sent something that is no event")),
        ('{"result":"pong"}', Broken("the event stream sent something that is no event")),
    ],
)
def test_a_line_of_the_stream_is_read(line: str, event: Changed | Broken | None) -> None:
    assert read_event(line) == event


def test_a_list_shows_which_applications_have_changed() -> None:
    items = [{"metadata": {"name": name}, "status": {"health": {"status": "Healthy"}}} for name in "ab"]
    before = read_prints({"items": items})
    items[1]["status"] = {"health": {"status": "Degraded"}}

    after = read_prints({"items": items})

    assert [name.name for name in after if after[name] != before[name]] == ["b"]
    assert read_prints({"items": None}) == {}
