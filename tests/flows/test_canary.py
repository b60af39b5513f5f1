"""Production as a canary: Tidegate asks at the pause, lets it go on or aborts it, and git says what became of it."""

import subprocess
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from prefect.artifacts import Artifact
from prefect.flow_runs import resume_flow_run
from pydantic import SecretStr
from ruamel.yaml import YAML
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from blocks.prometheus import PrometheusServer
from deployments.demo.timeline import Run
from deployments.places import looking
from deployments.sandbox.canary import use_canary, use_rolling_update, versions
from deployments.sandbox.server import serve
from deployments.sandbox.world import GITOPS, World
from flows.places.place import load_place
from flows.promotion.by_hand import act_by_hand
from flows.promotion.reasons import find_reasons
from tasks.domain.promotion.history import read_trailers

QUERY = 'sum(rate(http_requests_total{job="{application}", code=~"5.."}[1m]))'


@pytest.fixture(autouse=True)
def canary(world: World) -> Iterator[None]:
    use_canary(world, "production")
    yield
    use_rolling_update(world, "production")


@pytest.fixture
def asked(world: World, configure: Callable[..., None]) -> Iterator[dict[str, Any]]:
    """A metrics server that says what `value` is, and notes the pods that there were each time it was asked."""
    state: dict[str, Any] = {"value": "0", "pods": [], "queries": []}

    async def answer(request: Request) -> Response:
        state["queries"] += parse_qs((await request.body()).decode())["query"]
        state["pods"].append(versions(world, "production"))
        return JSONResponse({"data": {"resultType": "scalar", "result": [0, state["value"]]}})

    with serve(Starlette(routes=[Route("/api/v1/query", answer, methods=["POST"])])) as url:
        PrometheusServer(url=url, token=SecretStr("a token")).save("metrics-of-a-test", overwrite=True)
        production = YAML(typ="safe", pure=True).load(world.delivery_file)["environments"]["production"]
        metric = {"server": "metrics-of-a-test", "query": QUERY, "at-most": 0.01, "for-seconds": 0}
        production["progressive"]["at-pause"]["errors"] = metric
        configure("environments", production=production)
        yield state


def test_a_canary_whose_metric_is_good_goes_on_to_everybody(world: World, tell, asked: dict[str, Any]) -> None:
    before = world.read_environment("production").digest
    commit, runs = tell("approve")

    assert runs["production"].state == "Verified", runs["production"].message
    digest = world.find_digest(commit)
    # The first question comes before anything is written, the second at the pause.
    assert asked["pods"] == [{before: 2}, {before: 1, digest: 1}]
    assert asked["queries"][-1] == QUERY.replace("{application}", "shop-api")
    facts = world.read_environment("production")
    assert (facts.digest, facts.health) == (digest, "Healthy")
    assert world.read_changes("production")[0].digest == digest
    rollout = world.cluster.get("Rollout", "production", "shop-api-production")
    assert rollout["status"]["stableRS"] == rollout["status"]["currentPodHash"]
    assert httpx.get(facts.url).headers["X-Commit"] == commit


def test_a_canary_whose_metric_is_bad_is_aborted_and_taken_back_in_git(
    world: World, tell, asked: dict[str, Any]
) -> None:
    before = world.read_environment("production").digest
    asked["value"] = "0.5"
    commit, runs = tell("approve")

    assert runs["production"].state == "Rolled back", runs["production"].message
    assert "errors: 0.5 is more than 0.01" in runs["production"].message
    digest = world.find_digest(commit)
    assert asked["pods"][-1] == {before: 1, digest: 1}
    back, promotion = world.read_changes("production")[:2]
    assert (promotion.digest, back.rollback_of, back.digest) == (digest, digest, before)
    facts = world.read_environment("production")
    assert (facts.digest, facts.health) == (before, "Healthy")
    assert versions(world, "production") == {before: 2}


def test_without_a_policy_a_person_goes_on_and_says_why(
    world: World, tell, configure: Callable[..., None], tidegate
) -> None:
    production = YAML(typ="safe", pure=True).load(world.delivery_file)["environments"]["production"]
    production["progressive"] = {"by-hand": ["resume"]}
    configure("environments", production=production)
    said: list[str] = []
    pat = threading.Thread(target=resume_as_pat, args=(world, said))

    def approve(waiting: Run) -> None:
        answer = {"decision": "approve", "approver": "Robin Reviewer", "comment": ""}
        resume_flow_run(waiting.run_id, run_input=answer)
        pat.start()

    commit, runs = tell(approve)
    pat.join()

    assert runs["production"].state == "Verified", runs["production"].message
    assert world.read_environment("production").digest == world.find_digest(commit)
    page = Artifact.get("shop-api-production-pause").data
    assert "run the action resume, promote-full or abort of Rollout shop-api-production, or" in page
    assert said[0].startswith("production: Rollout shop-api-production has paused at step 2 of 2 (CanaryPauseStep")
    assert "has paused at step 2 of 2" in said[1]
    assert str(runs["production"].run_id) in said[2]
    record = trailers_of(world, "Rollout-Action: resume")
    assert (record["By"], record["Reason"]) == ("pat", "the numbers are good")
    code, _, refused = tidegate("rollout", "resume", "shop-api", "production", "--reason", "again")
    assert (code, refused.strip()) == (1, "nothing of shop-api-production in production pauses")
    code, _, refused = tidegate("rollout", "abort", "shop-api", "production", "--reason", "I do not like it")
    assert (code, refused.startswith("nobody may abort by Tidegate in production")) == (1, True)


def resume_as_pat(world: World, said: list[str]) -> None:
    """Once Tidegate has asked for it."""
    before = Artifact.get("shop-api-production-pause")
    world.wait_for_health("production", "Suspended")
    world.wait_until(lambda: Artifact.get("shop-api-production-pause") != before, "somebody was asked to go on")
    place = load_place("shop-api", "production")
    change = world.read_changes("production")[0]
    with looking():
        said += [reason.sentence for reason in find_reasons(place, change.source_commit, change.digest)]
    act_by_hand(place, "resume", "pat", "the numbers are good", said.append)


def trailers_of(world: World, line: str) -> dict[str, str]:
    """Those of the newest commit in the GitOps repository that has this one."""
    folder = world.github.repositories[GITOPS].git.path
    log = ["git", "-C", str(folder), "log", "-1", "--format=%B", "--fixed-strings", f"--grep={line}", "main"]
    return read_trailers(subprocess.run(log, capture_output=True, text=True, check=True).stdout) or {}
