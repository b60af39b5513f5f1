"""Production as blue-green: the new release is checked at the preview before anybody is sent to it, or never is."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from ruamel.yaml import YAML
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from deployments.sandbox.canary import preview_url, use_blue_green, use_rolling_update, versions
from deployments.sandbox.server import serve
from deployments.sandbox.world import World


@pytest.fixture(autouse=True)
def blue_green(world: World) -> Iterator[None]:
    use_blue_green(world, "production")
    yield
    use_rolling_update(world, "production")


@pytest.fixture
def witness(world: World, configure: Callable[..., None]) -> Iterator[dict[str, Any]]:
    """A check at the pause that answers with `status`, and notes which commits people and the preview got then."""
    state: dict[str, Any] = {"status": 200, "seen": []}
    active, preview = world.read_environment("production").url, preview_url(world, "production")

    def answer(_request: Request) -> Response:
        state["seen"].append(tuple(commit_at(world, url) for url in (active, preview)))
        return PlainTextResponse("looked", state["status"])

    with serve(Starlette(routes=[Route("/", answer)])) as url:
        production = YAML(typ="safe", pure=True).load(world.delivery_file)["environments"]["production"]
        production["progressive"]["at-pause"] = {
            "preview": {"url": f"{preview}/products", "contains": "pot-small", "commit-header": "X-Commit"},
            "witness": {"url": f"{url}/", "within-seconds": 0},
        }
        configure("environments", production=production)
        yield state


def test_a_blue_green_release_is_checked_at_the_preview_and_then_serves_everybody(
    world: World, tell, witness: dict[str, Any]
) -> None:
    before = next(change for change in world.read_changes("production") if not change.clears_quarantine)
    commit, runs = tell("approve")

    assert runs["production"].state == "Verified", runs["production"].message
    assert witness["seen"] == [(before.source_commit, commit)]
    digest = world.find_digest(commit)
    facts = world.read_environment("production")
    assert facts.health == "Healthy"
    assert commit_at(world, facts.url) == commit
    rollout = world.cluster.get("Rollout", "production", "shop-api-production")
    assert rollout["status"]["blueGreen"]["activeSelector"] == rollout["status"]["currentPodHash"]
    # The pods before stay for the quick way back, and keep nothing waiting.
    assert versions(world, "production") == {before.digest: 2, digest: 2}


def test_a_blue_green_release_that_fails_at_the_preview_reaches_nobody_and_is_taken_back_in_git(
    world: World, tell, witness: dict[str, Any]
) -> None:
    before = next(change for change in world.read_changes("production") if not change.clears_quarantine)
    witness["status"] = 500
    commit, runs = tell("approve")

    assert runs["production"].state == "Rolled back", runs["production"].message
    assert "has paused before the switch (BlueGreenPause)" in runs["production"].message
    assert "answered 500, expected 200" in runs["production"].message
    assert witness["seen"] == [(before.source_commit, commit)]
    back, promotion = world.read_changes("production")[:2]
    assert promotion.digest == world.find_digest(commit)
    assert (back.rollback_of, back.digest) == (promotion.digest, before.digest)
    facts = world.read_environment("production")
    assert facts.health == "Healthy"
    assert commit_at(world, facts.url) == before.source_commit


def commit_at(world: World, url: str) -> str:
    """Which commit answers there; a pod that has just been told to go may hang up."""
    found: list[str] = []

    def answers() -> bool:
        with contextlib.suppress(httpx.TransportError):
            found.append(httpx.get(url).headers["X-Commit"])
        return bool(found)

    world.wait_until(answers, f"{url} answers")
    return found[0]
