"""An older and a newer candidate at the same environment: who comes late to the lock looks again before it writes."""

import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

from prefect.concurrency.sync import concurrency
from prefect.flow_runs import resume_flow_run

from deployments.demo.timeline import Run
from deployments.sandbox.world import APPLICATION, GITOPS, REPOSITORY, World
from flows.places.hold import hold
from tasks.domain.promotion.history import Change, promotion_message

LOCK = "environment:production"
DANA = {"author_name": "Dana Developer", "author_email": "dana@acme.example"}
PATIENCE_SECONDS = 120


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def stands_before_the_lock() -> bool:
    """Whether a run of this process, where the worker's threads are, waits for the lock that the test holds."""
    frames: list[FrameType | None] = list(sys._current_frames().values())
    while frames:
        frame = frames.pop()
        if frame is not None:
            if frame.f_code is hold.__wrapped__.__code__ and frame.f_locals["environment"] == "production":
                return True
            frames.append(frame.f_back)
    return False


def promote_a_newer_one(world: World, digest: str) -> str:
    """What the run of a newer candidate leaves in git once it has written; its commit."""
    newer = world.github.commit(REPOSITORY, "main", {"notes.md": "Newer.\n"}, "Write something down", **DANA)
    record(world, Change(APPLICATION, "production", digest, newer, run="http://ui/newer"))
    return newer


def record(world: World, change: Change) -> None:
    world.github.commit(GITOPS, "main", {}, promotion_message(change), **DANA)


def test_an_older_candidate_that_waited_for_the_lock_sees_that_a_newer_one_was_faster(world: World, tell) -> None:
    before = world.read_environment("production").digest
    release = next(change for change in world.read_changes("production") if change.digest == before)
    problems: list[BaseException] = []
    newer: list[str] = []
    taken = threading.Event()

    def be_faster() -> None:
        try:
            with concurrency(LOCK, occupy=1, strict=True):
                taken.set()
                # Only now that the older one stands before the lock: whatever it looked at before is out of date.
                until(stands_before_the_lock)
                newer.append(promote_a_newer_one(world, before))
        except BaseException as problem:  # noqa: BLE001 - told by the test's own thread
            problems.append(problem)
            taken.set()

    faster = threading.Thread(target=be_faster)

    def approve(waiting: Run) -> None:
        faster.start()
        assert taken.wait(PATIENCE_SECONDS)
        resume_flow_run(waiting.run_id, run_input={"decision": "approve", "approver": "Robin", "comment": ""})

    _, runs = tell(approve)
    faster.join(PATIENCE_SECONDS)

    assert not problems
    assert runs["production"].state == "Superseded"
    assert newer[0][:7] in runs["production"].message
    assert world.read_changes("production")[0].source_commit == newer[0]
    assert world.read_environment("production").digest == before
    # Other stories go back to this release, whose image answers with its own commit.
    record(world, Change(APPLICATION, "production", before, release.source_commit, run="http://ui/before"))
