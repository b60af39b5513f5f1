"""Follows several rollouts at the same time, each in a thread of this run."""

import contextvars
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager

from tasks.domain.rollout.verdict import RolloutVerdict

# By application.
Verdicts = Mapping[str, RolloutVerdict]


@contextmanager
def side_by_side(
    calls: Mapping[str, Callable[[], RolloutVerdict]], is_enough: Callable[[RolloutVerdict], bool]
) -> Iterator[Verdicts]:
    """The verdicts by name once all are there, or one is enough; the block ends when all calls have."""
    with ThreadPoolExecutor(len(calls), thread_name_prefix="release") as pool:
        # Without the run's context its tasks and its logger are not found.
        running = {pool.submit(contextvars.copy_context().run, call): name for name, call in calls.items()}
        verdicts = {}
        for done in as_completed(running):
            verdicts[running[done]] = done.result()
            if is_enough(done.result()):
                break
        yield verdicts
