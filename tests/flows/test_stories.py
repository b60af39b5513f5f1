"""Whole stories in the sandbox; what is asserted stands in git, the registry, GitHub and the cluster."""

from collections.abc import Callable

import httpx
from prefect.client.orchestration import get_client
from prefect.deployments import run_deployment
from prefect.flow_runs import resume_flow_run
from prefect.states import Running

from deployments.demo.play import follow
from deployments.demo.stories import find_story
from deployments.demo.timeline import Run
from deployments.sandbox.changes import broken_tests
from deployments.sandbox.world import REPOSITORY, World

Answer = Callable[[Run], None]


def answer(decision: str, approver: str = "Robin Reviewer") -> Answer:
    def answering(waiting: Run) -> None:
        resume_flow_run(waiting.run_id, run_input={"decision": decision, "approver": approver, "comment": "looked at"})

    return answering


def in_turn(*answers: Answer) -> Answer:
    left = iter(answers)

    def answering(waiting: Run) -> None:
        next(left)(waiting)

    return answering


def heads(world: World) -> dict[str, str]:
    return {name: world.read_changes(name)[0].revision for name in ("staging", "production")}


def test_the_same_digest_goes_from_the_push_to_production(world: World, tell) -> None:
    commit, runs = tell(answer("approve"))

    assert {name: run.state for name, run in runs.items()} == {
        "": "Integrated",
        "staging": "Verified",
        "production": "Verified",
    }
    digest = world.find_digest(commit)
    for name in ("staging", "production"):
        facts = world.read_environment(name)
        change = world.read_changes(name)[0]
        assert (facts.digest, facts.health) == (digest, "Healthy")
        assert (change.digest, change.source_commit) == (digest, commit)
        assert httpx.get(facts.url).headers["X-Commit"] == commit
    assert world.read_changes("production")[0].approved_by == "Robin Reviewer (name unproven)"
    assert world.read_changes("staging")[0].approved_by == ""
    # GitHub shows the environments, too.
    shown = [one for one in world.github.repositories[REPOSITORY].deployments if one.sha == commit]
    assert {one.environment: [status.state for status in one.statuses] for one in shown} == {
        name: ["in_progress", "success"] for name in ("staging", "production")
    }
    gates = world.read_gates(commit)
    names = ("lint", "unit-tests", "static-analysis", "security", "coverage", "changed-lines", "findings")
    assert gates.keys() == {"tidegate", *(f"tidegate/{name}" for name in names)}
    assert all(said.startswith("success") for said in gates.values())


def test_a_failed_gate_builds_nothing_and_says_why(world: World, tell) -> None:
    before = heads(world)
    commit, runs = tell(answer("approve"), broken_tests())

    assert {name: run.state for name, run in runs.items()} == {"": "Gates failed"}
    assert world.find_digest(commit) is None
    gates = world.read_gates(commit)
    assert gates["tidegate"] == "failure: 1 of 7 gates failed: unit-tests."
    assert gates["tidegate/unit-tests"].startswith("failure: ")
    assert "test" in gates["tidegate/unit-tests"]
    assert heads(world) == before


def test_a_release_that_never_becomes_ready_is_taken_back(world: World, tell) -> None:
    before = world.read_changes("production")[0].digest
    meanwhile = find_story("bad-release").meanwhile

    def approve_what_will_fail(waiting: Run) -> None:
        meanwhile(world, waiting)
        answer("approve")(waiting)

    commit, runs = tell(approve_what_will_fail)

    assert runs["production"].state == "Rolled back"
    back, promotion = world.read_changes("production")[:2]
    assert promotion.digest == back.rollback_of == world.find_digest(commit)
    assert back.digest == before
    after = world.read_environment("production")
    assert (after.digest, after.health) == (before, "Healthy")
    assert world.read_environment("staging").digest == world.find_digest(commit)


def test_a_digest_in_quarantine_is_not_promoted_again(world: World) -> None:
    bad = next(change.rollback_of for change in world.read_changes("production") if change.rollback_of)
    before = heads(world)
    commit = next(change.source_commit for change in world.read_changes("staging") if change.digest == bad)
    run_deployment(
        "promote/promote",
        parameters={"application": "shop-api", "environment": "production", "commit": commit, "digest": bad},
        timeout=0,
        as_subflow=False,
    )
    with get_client(sync_client=True) as client:
        ended = follow(client, commit, lambda _runs: None, answer("approve"))[-1]

    assert (ended.state, "in quarantine in production" in ended.message) == ("Refused", True)
    assert heads(world) == before


def test_a_rejection_leaves_production_alone(world: World, tell) -> None:
    before = world.read_changes("production")[0]
    _, runs = tell(answer("reject"))

    assert runs["production"].state == "Rejected"
    assert "Robin Reviewer rejected" in runs["production"].message
    assert world.read_changes("production")[0] == before


def test_staging_that_breaks_while_production_waits_stops_the_promotion(world: World, tell) -> None:
    before = world.read_changes("production")[0]
    meanwhile = find_story("unhealthy-staging").meanwhile

    def approve_in_vain(waiting: Run) -> None:
        meanwhile(world, waiting)
        answer("approve")(waiting)

    _, runs = tell(approve_in_vain)

    assert runs["production"].state == "Refused"
    assert "production needs staging" in runs["production"].message
    assert world.read_changes("production")[0] == before


def test_the_author_is_asked_again_and_told_why(world: World, tell) -> None:
    _, runs = tell(in_turn(answer("approve", "dana"), answer("approve", "Dana Developer"), answer("reject")))
    assert runs["production"].state == "Rejected"


def test_a_run_forced_to_go_on_has_not_been_approved(world: World, tell) -> None:
    before = world.read_changes("production")[0]

    def force(waiting: Run) -> None:
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(waiting.run_id, Running(), force=True)

    _, runs = tell(in_turn(force, answer("reject")))

    assert runs["production"].state == "Rejected"
    assert world.read_changes("production")[0] == before


def test_a_newer_candidate_takes_the_place_of_one_that_waits(world: World, tell) -> None:
    first_waits: dict[str, object] = {}

    def push_a_newer_one(waiting: Run) -> None:
        first_waits["newer"] = tell(answer("approve"))

    first, runs = tell(push_a_newer_one)
    newer, newer_runs = first_waits["newer"]

    assert runs["production"].state == "Superseded"
    assert newer[:7] in runs["production"].message
    assert newer_runs["production"].state == "Verified"
    assert world.read_changes("production")[0].source_commit == newer
    assert first not in {change.source_commit for change in world.read_changes("production")}
