"""Argo Rollouts are looked at and let go on over HTTP, each action by a right of its own."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prefect.logging import disable_run_logger

from deployments.sandbox.argocd.accounts import READ_EVERYTHING, Right
from deployments.sandbox.argocd.rehearsal import FILE, NEW, OLD, Rehearsal, deployment, is_settled, open_rehearsal
from tasks.argocd.actions import read_rollouts, run_action, wait_while_paused
from tasks.argocd.clusters import wait_for_every_rollout
from tasks.domain.delivery.manifest import Manifest
from tasks.domain.delivery.rollout import ArgoCDTarget, RolloutTimeouts
from tasks.domain.errors import AccessRefused
from tasks.domain.rollout.facts import Expectation
from tasks.domain.rollout.progressive import ProgressiveRollout
from tasks.domain.rollout.verdict import RolloutKind
from tasks.domain.verdict import Outcome

TARGET = ArgoCDTarget(application="shop-api-staging")
RESUME = Right("applications", "action/argoproj.io/Rollout/resume", "default/*")
MANIFEST = Manifest(file=FILE, format="manifest", at="main", resource="Rollout/shop-api")
CANARY = "  strategy: {canary: {steps: [{setWeight: 25}, {pause: {}}, {setWeight: 50}, {pause: {}}]}}\n"


@pytest.fixture
def rehearsal(tmp_path: Path) -> Iterator[Rehearsal]:
    """With an application that is a Rollout; its controller says what `tell` lets it say."""
    with disable_run_logger(), open_rehearsal(tmp_path, rights=(*READ_EVERYTHING, RESUME)) as opened:
        text = deployment(OLD).replace("apps/v1", "argoproj.io/v1alpha1").replace("Deployment", "Rollout") + CANARY
        opened.commit({FILE: text})
        opened.add(automated={"prune": True})
        opened.until(lambda _: opened.cluster.get("Rollout", "staging", "shop-api"))
        tell(opened, phase="Healthy", stableRS="a", currentPodHash="a")
        opened.until(is_settled)
        yield opened


def tell(rehearsal: Rehearsal, *, pause: int | None = None, **status: Any) -> None:
    """Have the controller write a status for what is applied now; `pause` is the step at which it has paused."""

    def edit(live: dict[str, Any]) -> None:
        live["status"] = {"observedGeneration": str(live["metadata"]["generation"]), **status}
        if pause is not None:
            conditions = [{"reason": "CanaryPauseStep", "startTime": f"2026-01-01T00:00:0{pause}Z"}]
            live["status"] |= {"pauseConditions": conditions, "currentStepIndex": pause}

    rehearsal.cluster.change("Rollout", "staging", "shop-api", edit)


def paused(rehearsal: Rehearsal, step: int = 1) -> ProgressiveRollout:
    tell(rehearsal, pause=step, phase="Paused", message="CanaryPauseStep", stableRS="a", currentPodHash="b")
    [found] = read_rollouts.fn(rehearsal.server, TARGET)
    return found


def test_a_paused_canary_ends_the_wait_where_that_is_asked_for(rehearsal: Rehearsal) -> None:
    revision = rehearsal.promote(NEW, MANIFEST)
    expectation = Expectation(
        environment="staging",
        revision=revision,
        image=NEW,
        pushed_at=datetime.now(UTC),
        repository=rehearsal.gitops.url,
        branch="main",
        timeouts=RolloutTimeouts(settle_seconds=0, poll_seconds=0.05),
    )

    def pause() -> None:
        rehearsal.until(lambda _: str(NEW) in str(rehearsal.cluster.get("Rollout", "staging", "shop-api")))
        tell(rehearsal, pause=1, phase="Paused", message="CanaryPauseStep", stableRS="a", currentPodHash="b")

    controller = threading.Thread(target=pause)
    controller.start()
    verdict = wait_for_every_rollout.fn(
        [(rehearsal.server, TARGET)], expectation, lambda *_: True, lambda _: NEW, stop_at_pause=True
    )
    controller.join()
    assert (verdict.kind, verdict.verdict.outcome) == (RolloutKind.SUSPENDED, Outcome.PENDING)
    [found] = read_rollouts.fn(rehearsal.server, TARGET)
    assert (found.step, found.steps, found.weight, found.is_paused) == (1, 4, 25, True)


@pytest.mark.parametrize("is_old", [False, True])
def test_a_pause_is_resumed_through_argo_cd_old_and_new(rehearsal: Rehearsal, is_old: bool) -> None:
    rehearsal.state.faults.lacks_actions_v2 = is_old
    assert run_action.fn(rehearsal.server, TARGET, paused(rehearsal), "resume") is True
    [found] = read_rollouts.fn(rehearsal.server, TARGET)
    assert not found.is_paused


def test_a_second_call_does_not_resume_the_next_pause(rehearsal: Rehearsal) -> None:
    first = paused(rehearsal)
    second = paused(rehearsal, step=3)
    assert run_action.fn(rehearsal.server, TARGET, first, "resume") is False
    assert read_rollouts.fn(rehearsal.server, TARGET) == (second,)


def test_nothing_is_aborted_any_more_once_it_serves_everybody(rehearsal: Rehearsal) -> None:
    first = paused(rehearsal)
    tell(rehearsal, phase="Healthy", stableRS="b", currentPodHash="b")
    assert run_action.fn(rehearsal.server, TARGET, first, "abort") is False
    assert rehearsal.writes == []


def test_a_right_that_is_missing_is_named(rehearsal: Rehearsal) -> None:
    with pytest.raises(
        AccessRefused,
        match="lacks the right `applications, action/argoproj",
    ):
        run_action.fn(rehearsal.server, TARGET, paused(rehearsal), "abort")


def test_a_pause_is_waited_out_until_somebody_goes_on(rehearsal: Rehearsal) -> None:
    first = paused(rehearsal)
    assert wait_while_paused.fn(rehearsal.server, TARGET, first, seconds=0.2, poll_seconds=0.05) is False
    paused(rehearsal, step=3)
    assert wait_while_paused.fn(rehearsal.server, TARGET, first, seconds=60, poll_seconds=0.05) is True
