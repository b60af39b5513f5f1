"""Follows a rollout in all the applications of an environment at once, as in several clusters."""

import contextvars
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import replace
from functools import partial

from prefect import task
from prefect.cache_policies import NO_CACHE

from blocks.argocd import ArgoCDServer
from tasks.argocd.observation import Contains, ImageAt
from tasks.argocd.rollout import follow
from tasks.domain.delivery.rollout import ArgoCDTarget
from tasks.domain.rollout.everywhere import decide_everywhere
from tasks.domain.rollout.facts import Expectation
from tasks.domain.rollout.verdict import RolloutVerdict

Target = tuple[ArgoCDServer, ArgoCDTarget]


@task(task_run_name="follow {expectation.environment}", cache_policy=NO_CACHE)
def wait_for_every_rollout(
    targets: Sequence[Target],
    expectation: Expectation,
    contains: Contains,
    image_at: ImageAt,
    *,
    stop_at_pause: bool = False,
) -> RolloutVerdict:
    """Confirmed once every application is; the first that fails or is superseded ends the wait for all.

    Each follows its own source and has its own rule about what must be Synced. Raises as `wait_for_rollout` does, for
    whichever application is the first. With `stop_at_pause` the first that pauses ends the wait for all too, Suspended.
    """
    follow_one = partial(follow, stop_at_pause=stop_at_pause)
    if len(targets) == 1:
        server, target = targets[0]
        own = replace(expectation, must_be_synced=target.must_be_synced)
        return follow_one(server, target, own, contains, image_at)
    over = threading.Event()
    with ThreadPoolExecutor(len(targets), thread_name_prefix="rollout") as pool:
        following = {}
        for server, target in targets:
            name = _name(server, target, targets)
            own = replace(
                expectation,
                environment=f"{expectation.environment} ({name})",
                must_be_synced=target.must_be_synced,
            )
            # Without the run's context its logger is not found.
            run = contextvars.copy_context().run
            following[name] = pool.submit(run, follow_one, server, target, own, contains, image_at, over=over)
        answers = _answers(following, over)
    return decide_everywhere(expectation.environment, answers)


def _name(server: ArgoCDServer, target: ArgoCDTarget, targets: Sequence[Target]) -> str:
    """The application's name, with where it is as soon as two have the same."""
    same = [other for _, other in targets if other.application == target.application]
    place = "" if len(same) == 1 else f" in {target.namespace or 'Argo CD'} at {server.url}"
    return target.application + place


def _answers(following: dict[str, Future[RolloutVerdict]], over: threading.Event) -> dict[str, RolloutVerdict]:
    try:
        for done in as_completed(following.values()):
            if not done.result().verdict.has_passed:
                over.set()
        return {name: future.result() for name, future in following.items()}
    finally:
        # Whatever was raised, nobody may wait on.
        over.set()
