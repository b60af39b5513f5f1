"""An environment of several Argo CD applications, as in several clusters: confirmed only when all are."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from prefect.logging import disable_run_logger

from blocks.argocd import ArgoCDServer
from deployments.sandbox.argocd.rehearsal import (
    FILE,
    MANIFEST,
    NEW,
    OTHER,
    Rehearsal,
    deployment,
    is_settled,
    open_rehearsal,
)
from tasks.argocd.clusters import wait_for_every_rollout
from tasks.domain.delivery.rollout import ArgoCDTarget, RolloutTimeouts
from tasks.domain.errors import ConfigurationError
from tasks.domain.rollout.facts import Expectation
from tasks.domain.rollout.verdict import RolloutKind, RolloutVerdict
from tasks.gitops.desired_state import contains, image_at

WAIT = 20
QUICK = RolloutTimeouts(
    detect_seconds=WAIT,
    sync_seconds=WAIT,
    healthy_seconds=WAIT,
    settle_seconds=0,
    degraded_grace_seconds=0,
    poll_seconds=0.1,
)
EU, US = "shop-api-eu", "shop-api-us"


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TIDEGATE_CACHE", str(tmp_path / "cache"))
    with disable_run_logger():
        yield


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Rehearsal]:
    """Two applications of the same folder in two clusters of one Argo CD."""
    with open_rehearsal(tmp_path) as rehearsal:
        for name in (EU, US):
            cluster = {"server": f"https://{name}.example", "namespace": name}
            rehearsal.add(name, automated={}, destination=cluster)
            rehearsal.until(is_settled, name)
        yield rehearsal


def follow(place: Rehearsal, revision: str, *targets: tuple[ArgoCDServer, ArgoCDTarget]) -> RolloutVerdict:
    expectation = Expectation("production", revision, NEW, datetime.now(UTC), place.gitops.url, "main", QUICK)
    both = targets or tuple((place.server, ArgoCDTarget(application=name)) for name in (EU, US))
    ask = partial(contains.fn, place.gitops), partial(image_at.fn, place.gitops, MANIFEST)
    return wait_for_every_rollout.fn(both, expectation, *ask)


def within(seconds: float, act: Callable[[], RolloutVerdict]) -> RolloutVerdict:
    started = time.monotonic()
    answer = act()
    assert time.monotonic() - started < seconds
    return answer


def test_all_clusters_are_waited_for(place: Rehearsal) -> None:
    place.state.faults.of(US).sync_window_denies = True
    revision = place.promote()
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(follow, place, revision)
        place.until(lambda a: is_settled(a) and a["status"]["sync"]["revision"] == revision, EU)
        time.sleep(0.5)
        assert not waiting.done()
        place.state.faults.of(US).sync_window_denies = False
        place.state.request_refresh(US)
        answer = waiting.result(WAIT)

    assert answer.kind is RolloutKind.CONFIRMED
    assert answer.verdict.reason == f"production: runs it everywhere, Synced and Healthy: {EU} and {US}"
    assert [line for line in answer.evidence if line.startswith(f"{US}: Synced at {revision}")]
    assert place.writes == []


def test_the_first_cluster_that_fails_ends_the_wait_for_all(place: Rehearsal) -> None:
    place.state.faults.of(EU).sync_window_denies = True
    place.state.faults.of(US).degraded = True
    revision = place.promote()

    answer = within(WAIT / 2, lambda: follow(place, revision))

    assert answer.kind is RolloutKind.DEGRADED
    assert answer.verdict.reason.startswith(f"production ({US}): it is Degraded")
    assert answer.calls_for_rollback


def test_one_cluster_that_wants_another_image_supersedes_all(place: Rehearsal) -> None:
    place.state.faults.of(EU).sync_window_denies = True
    revision = place.promote()
    place.commit({FILE: deployment(OTHER)})
    place.state.faults.of(EU).dropped_refreshes = 1000

    answer = within(WAIT / 2, lambda: follow(place, revision))

    assert answer.kind is RolloutKind.SUPERSEDED
    assert not answer.calls_for_rollback


def test_clusters_may_have_an_argo_cd_each(place: Rehearsal, tmp_path: Path) -> None:
    with ExitStack() as others:
        second = others.enter_context(open_rehearsal(tmp_path / "second"))
        second.state.apply_application(
            {
                "kind": "Application",
                "metadata": {"name": EU},
                "spec": {
                    "source": {"repoURL": place.gitops.url, "path": "demo", "targetRevision": "main"},
                    "destination": {"server": "https://kubernetes.default.svc", "namespace": "staging"},
                    "syncPolicy": {"automated": {}},
                },
            }
        )
        second.until(is_settled, EU)
        target = ArgoCDTarget(application=EU)

        answer = follow(place, place.promote(), (place.server, target), (second.server, target))

    assert answer.kind is RolloutKind.CONFIRMED
    assert answer.verdict.reason.count(f"{EU} in Argo CD at http") == 2


def test_what_is_wrong_with_one_is_raised_at_once(place: Rehearsal) -> None:
    place.state.faults.of(EU).sync_window_denies = True
    targets = tuple((place.server, ArgoCDTarget(application=name)) for name in (EU, "misnamed"))

    with pytest.raises(ConfigurationError, match="no application 'misnamed'"):
        follow(place, place.promote(), *targets)


def test_each_cluster_has_its_own_rule_about_what_must_be_synced(place: Rehearsal) -> None:
    place.commit({"demo/config.yaml": "{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}}"})
    for name in (EU, US):
        place.state.request_refresh(name)
        place.until(lambda a: is_settled(a) and len(a["status"]["resources"]) == 2, name)
    place.commit({"demo/config.yaml": None})
    loose = ArgoCDTarget(application=EU, must_be_synced="workloads")
    strict = ArgoCDTarget(application=US)
    revision = place.promote()

    assert follow(place, revision, (place.server, loose)).kind is RolloutKind.CONFIRMED
    answer = follow(place, revision, (place.server, loose), (place.server, strict))

    assert answer.kind is RolloutKind.TIMED_OUT
    assert answer.verdict.reason.startswith(f"production ({US}): ")
    assert "ConfigMap settings" in answer.verdict.reason
