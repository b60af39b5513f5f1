"""The order of promotions: regions side by side and joined again, one change of an environment at a time, in turn."""

import json
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx
import pytest
from prefect.client.orchestration import get_client
from ruamel.yaml import YAML

from deployments.demo.platform import RECORDED_AFTER_SECONDS
from deployments.demo.play import follow
from deployments.demo.timeline import Run, read_runs
from deployments.sandbox.world import APPLICATION, REPOSITORY, World
from tasks.runs.promotions import start_promotion
from tests.flows.described import describe

QUICK = {"detect-seconds": 60, "sync-seconds": 60, "healthy-seconds": 60, "settle-seconds": 0, "poll-seconds": 0.3}
# Two for each, so that they have an order of their own.
CROWD = tuple(f"{APPLICATION}-{letter}" for letter in "abcde")


@pytest.fixture
def add_environments(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Environments with an Argo CD application for each application, and nobody to ask anywhere."""
    settings = YAML(typ="safe", pure=True).load(world.delivery_file)
    file = world.delivery_file.with_name("delivery-of-the-order.yaml")

    def adding(applications: tuple[str, ...] = (APPLICATION,), **environments: dict[str, Any]) -> None:
        del settings["environments"]["production"]
        for name in applications:
            settings["applications"].setdefault(name, settings["applications"][APPLICATION])
        for environment, extra in environments.items():
            for name in applications:
                describe(world, name, environment)
            settings["environments"][environment] = {
                "argocd": {"application": f"{{application}}-{environment}"},
                "manifest": {"file": f"apps/{{application}}/values-{environment}.yaml"},
                "rollout": QUICK,
            } | extra
            with get_client(sync_client=True) as client:
                client.upsert_global_concurrency_limit_by_name(f"environment:{environment}", 1)
        settings["environments"]["staging"]["applications"] = [APPLICATION]
        file.write_text(json.dumps(settings))
        monkeypatch.setenv("TIDEGATE_DELIVERY", str(file))

    return adding


def nobody(_waiting: Run) -> None:
    raise AssertionError("nobody has to be asked")


def test_regions_are_promoted_side_by_side_and_joined_again(world: World, tell, add_environments) -> None:
    add_environments(eu={"needs": ["staging"]}, us={"needs": ["staging"]}, world={"needs": ["eu", "us"]})
    commit, _ = tell(nobody)
    time.sleep(2 * RECORDED_AFTER_SECONDS)
    with get_client(sync_client=True) as client:
        runs = [run for run in read_runs(client, commit) if run.state == "Verified"]
    eu, us, everywhere = (next(run for run in runs if run.environment == name) for name in ("eu", "us", "world"))
    digest = world.find_digest(commit)

    assert {name: [change.digest for change in world.read_changes(name)] for name in ("eu", "us", "world")} == {
        name: [digest] for name in ("eu", "us", "world")
    }
    assert most_at_once([(eu.started, eu.ended), (us.started, us.ended)]) == 2
    written = {run.environment: span(run) for run in (eu, us, everywhere)}
    assert written["world"][0] >= max(written["eu"][1], written["us"][1])


def test_an_environment_changes_once_at_a_time_and_in_turn(world: World, tell, add_environments) -> None:
    older, _ = tell("reject")
    newer, _ = tell("reject")
    add_environments(CROWD, crowd={"order": "queue", "applications": list(CROWD)})
    for commit in (older, newer):
        for name in CROWD:
            pass_gates(world, name, commit)
            start_promotion.fn(name, "crowd", commit, world.find_digest(commit), parent="a test")
    with get_client(sync_client=True) as client:
        for commit in (older, newer):
            # What is queued is planned for much later, and brought forward.
            follow(client, commit, lambda _runs: None, nobody, patience_seconds=7200)
        time.sleep(2 * RECORDED_AFTER_SECONDS)
        runs = [run for commit in (older, newer) for run in read_runs(client, commit) if run.environment == "crowd"]
    verified = [run for run in runs if run.state == "Verified"]

    assert len(verified) == 10
    assert most_at_once([span(run) for run in verified]) == 1
    for name in CROWD:
        changes = [c for c in world.read_changes("crowd") if c.application == name]
        assert [change.source_commit for change in changes] == [newer, older]


def pass_gates(world: World, application: str, commit: str) -> None:
    """What its integration would have said: all of them are in one repository, and have names of their own there."""
    url = f"{world.addresses.github}/api/v3/repos/{REPOSITORY}/statuses/{commit}"
    said = {"state": "success", "context": f"tidegate/{application}", "description": "All gates passed."}
    headers = {"Authorization": f"Bearer {world.addresses.github_token}"}
    httpx.post(url, json=said, headers=headers).raise_for_status()


def span(run: Run) -> tuple[datetime, datetime]:
    """From the start of its write to the end of its rollout."""
    steps = [step for step in run.steps if step.phase in {"commit", "rollout"}]
    assert {step.phase for step in steps} == {"commit", "rollout"}
    return min(step.started for step in steps), max(step.ended for step in steps)


def most_at_once(spans: list[tuple[datetime, datetime]]) -> int:
    return max(sum(start <= moment < end for start, end in spans) for moment, _ in spans)
