"""Observes rollouts through Argo CD; its other half is blocks.argocd, its rules are in tasks.domain.rollout.decision.

It reads, asks Argo CD to look at git again, and starts a sync only where the application does not do so by itself.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from blocks.argocd import ArgoCDServer
from tasks.argocd.api import ApplicationApi
from tasks.argocd.observation import Contains, ImageAt, observe, remembering
from tasks.argocd.stream import Watch, watching
from tasks.domain.argocd.answers import read_status, read_token_expiry
from tasks.domain.argocd.parent import refuse_idle_parent
from tasks.domain.argocd.source import find_source, refuse_unused_file
from tasks.domain.delivery.rollout import ArgoCDTarget, RolloutTimeouts
from tasks.domain.errors import AccessRefused, Unreachable
from tasks.domain.image import ImageReference
from tasks.domain.rollout.decision import Refresh, decide_environment_still_healthy, decide_refresh, decide_rollout
from tasks.domain.rollout.facts import ApplicationStatus, Expectation, Observation, Sync
from tasks.domain.rollout.pause import decide_pause, refresh_seconds, shortest_seconds, slow_seconds
from tasks.domain.rollout.progressive import is_paused
from tasks.domain.rollout.readiness import Readiness, decide_readiness
from tasks.domain.rollout.verdict import RolloutKind, RolloutVerdict
from tasks.domain.verdict import Verdict
from tasks.retry import outside_task

# Under this name a sync that we asked for is recognised in Argo CD.
_SYNC_INFO = "tidegate-revision"
_LONGEST_DEAF_SECONDS = 1.0


@outside_task("look at {target.application}")
def preflight(
    server: ArgoCDServer, target: ArgoCDTarget, repository: str, branch: str, file: str, *, lasting_seconds: int = 0
) -> Readiness:
    """Refuse before anything is written what could not be followed afterwards; return how the application is now.

    Its verdict has failed where a change would be written and reach nothing.

    `lasting_seconds` is how long the token must still be good. Raises AccessRefused for a token that is wrong, ends too
    early or lacks a right; ConfigurationError where the application is not there or does not follow the branch and the
    file; Unreachable.
    """
    _refuse_ending_token(server, lasting_seconds)
    with server.get_client() as client:
        application = ApplicationApi(client, server.url, target)
        above = application.parent
        if above is None:
            return _readiness(application, _read_ours(application, repository, branch, file))
        parent = _read_ours(above, repository, branch, file)
        refuse_idle_parent(parent, above.target.application)
        of_parent, own = _readiness(above, parent), _readiness(application, read_status(application.read(), source=0))
        return own if of_parent.verdict.has_passed else Readiness(own.status, of_parent.verdict)


def _read_ours(application: ApplicationApi, repository: str, branch: str, file: str) -> ApplicationStatus:
    body = application.read()
    source = find_source(body, repository, branch)
    refuse_unused_file(body, source, file)
    return read_status(body, source)


def _readiness(application: ApplicationApi, status: ApplicationStatus) -> Readiness:
    if _is_synced_by_us(status):
        application.refuse_without_sync()
    return Readiness(status, decide_readiness(application.target.application, status))


def _refuse_ending_token(server: ArgoCDServer, lasting_seconds: int) -> None:
    ends = read_token_expiry(server.token.get_secret_value())
    if ends is not None and ends < time.time() + lasting_seconds:
        raise AccessRefused(
            f"the token for Argo CD at {server.url} ends at {datetime.fromtimestamp(ends, UTC):%Y-%m-%d %H:%M} UTC; "
            "put one that lasts longer into the block"
        )


def _is_synced_by_us(status: ApplicationStatus) -> bool:
    # An ApplicationSet that rolls out in steps switches auto-sync off and starts each sync itself.
    return not status.auto_sync and not status.owned_by_application_set


@outside_task("confirm {target.application}")
def confirm_environment(
    server: ArgoCDServer, target: ArgoCDTarget, image: ImageReference, *, refresh_seconds: float = 5.0
) -> Verdict:
    """Does the application run this image right now, Synced and Healthy? Pending means that something moves.

    `refresh_seconds` is how long Argo CD may take to look at git first. Raises as `preflight` does.
    """
    with server.get_client() as client:
        application = ApplicationApi(client, server.url, target)
        # Any commit will do, so it does not matter which source's revision is read.
        status = read_status(application.read(Refresh.NORMAL, refresh_seconds), source=0)
        look = Observation(datetime.now(UTC), status, workloads=application.workloads())
        return decide_environment_still_healthy(target.application, image, look, target.must_be_synced)


@task(task_run_name="follow {target.application}", cache_policy=NO_CACHE)
def wait_for_rollout(
    server: ArgoCDServer, target: ArgoCDTarget, expectation: Expectation, contains: Contains, image_at: ImageAt
) -> RolloutVerdict:
    """Look until the verdict is final. All that it knows comes from outside, so it may be started anew at any time."""
    return follow(server, target, expectation, contains, image_at)


def follow(
    server: ArgoCDServer,
    target: ArgoCDTarget,
    expectation: Expectation,
    contains: Contains,
    image_at: ImageAt,
    *,
    over: threading.Event | None = None,
    stop_at_pause: bool = False,
) -> RolloutVerdict:
    """`wait_for_rollout` inside a task; once `over` is set it ends at its next look, with what is not final yet.

    Pauses grow from half a second to `poll_seconds`, or are as long as nothing happens while Argo CD's event stream
    tells of changes, which all that wait in this process share. An Argo CD that is silent is never a verdict on the
    rollout: Unreachable is raised where it stays so for `healthy_seconds`. Raises as `preflight` does otherwise.

    With `stop_at_pause` it also ends, Suspended, where our image is applied and something has paused.
    """
    contains, image_at = remembering(contains), remembering(image_at)
    timeouts, log = expectation.timeouts, get_run_logger()
    looks: tuple[Observation, ...] = ()
    asked: tuple[tuple[datetime, Refresh], ...] = ()
    answer, pause = decide_rollout(expectation, looks), 0.0
    every, shortest = refresh_seconds(timeouts), shortest_seconds(timeouts)
    with server.get_client() as client, watching(server, target, slow_seconds(timeouts)) as watch:
        application = ApplicationApi(client, server.url, target)
        while not answer.is_final and not (over and over.is_set()):
            wait = decide_pause(expectation, looks, answer.kind, polled=pause, watches=watch.is_live)
            time.sleep(min(wait, shortest))
            _wait(watch, wait - shortest, over)
            refresh = decide_refresh(answer.kind, asked, datetime.now(UTC), every_seconds=every)
            observe_now = partial(observe, application, expectation, contains, image_at, refresh=refresh)
            look = _patiently(observe_now, timeouts)
            # A window may be closed for days; what was seen before says nothing once it has opened.
            looks = (*looks[-1:], look) if look.is_kept_back else (*looks, look)
            asked += ((look.at, refresh),) if refresh else ()
            before, answer = answer, decide_rollout(expectation, looks)
            pause = min(1.5 * pause, timeouts.poll_seconds)
            if answer.verdict != before.verdict:
                log.info("%s", answer.verdict.reason)
                pause = shortest
            if answer.kind is RolloutKind.SYNC and look.status.sync is Sync.OUT_OF_SYNC:
                _sync_where_nobody_else_does(application, look.status, expectation.revision)
            if stop_at_pause and not answer.is_final and is_paused(expectation, look):
                return replace(answer, kind=RolloutKind.SUSPENDED)
    return answer


def _wait(watch: Watch, seconds: float, over: threading.Event | None) -> None:
    """Until something wakes it; somebody who follows several is asked again and again whether it is over."""
    until = time.monotonic() + seconds
    while not watch.wait(min(until - time.monotonic(), _LONGEST_DEAF_SECONDS) if over else seconds):
        if over is None or over.is_set() or time.monotonic() >= until:
            return


def _patiently(observe_now: Callable[[], Observation], timeouts: RolloutTimeouts) -> Observation:
    silent_since = None
    while True:
        try:
            return observe_now()
        except Unreachable as error:
            if silent_since is None:
                silent_since = time.monotonic()
                get_run_logger().warning("%s; asking again", error)
            elif time.monotonic() - silent_since > timeouts.healthy_seconds:
                raise
        time.sleep(timeouts.poll_seconds)


def _sync_where_nobody_else_does(application: ApplicationApi, status: ApplicationStatus, revision: str) -> None:
    # A sync by hand of an auto-synced application may bring an older commit back (argo-cd issue 10367).
    if _is_synced_by_us(status):
        application.sync(revision, _SYNC_INFO, position=status.position, at_head=status.syncs_head)
