"""Who has to approve, and what an answer is worth; each story ends in what the GitOps repository's history says."""

from collections.abc import Callable
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.flow_runs import resume_flow_run
from ruamel.yaml import YAML

from deployments.demo.timeline import Run
from deployments.sandbox.world import World

Answer = Callable[[Run], None]


def answer(approver: str, decision: str = "approve", **fields: str) -> Answer:
    def answering(waiting: Run) -> None:
        resume_flow_run(waiting.run_id, run_input={"decision": decision, "approver": approver, **fields})

    return answering


def in_turn(*answers: Answer) -> Answer:
    left = iter(answers)

    def answering(waiting: Run) -> None:
        next(left)(waiting)

    return answering


def question_of(waiting: Run) -> str:
    """What stands above the form at this moment."""
    with get_client(sync_client=True) as client:
        keys = client.read_flow_run(waiting.run_id).state.state_details.run_input_keyset
        return client.read_flow_run_input(waiting.run_id, keys["description"])


@pytest.fixture
def approvals(world: World, configure) -> Callable[..., None]:
    """Set the approval policy of production for this test."""

    def setting(**policy: Any) -> None:
        production = YAML(typ="safe", pure=True).load(world.delivery_file)["environments"]["production"]
        configure("environments", production=production | {"approval": policy})

    return setting


def test_two_different_people_have_to_approve_and_both_stand_in_the_commit(world: World, tell, approvals) -> None:
    """The author does not count, nor the same person twice; a member of the team does."""
    world.github.teams["acme/release"] = {"grace": "active", "robin": "active", "dana": "active"}
    approvals(approvers=["acme/release", "Ada Lovelace"], required=2)
    questions = []

    def look_and_approve(waiting: Run) -> None:
        questions.append(question_of(waiting))
        answer("Ada Lovelace", comment="with care")(waiting)

    answers = [answer("dana"), answer("mallory"), answer("grace"), answer("GRACE"), look_and_approve]
    _, runs = tell(in_turn(*answers))

    assert runs["production"].state == "Verified"
    change = world.read_changes("production")[0]
    assert change.approved_by == "grace (name unproven), Ada Lovelace (name unproven)"
    assert change.reason == "with care"
    assert "**Not counted:** GRACE has approved already" in questions[0]
    assert "**Approved by** grace (name unproven)" in questions[0]
    assert "**Still missing:** 1 more of acme/release, Ada Lovelace" in questions[0]


def test_one_rejection_ends_it_although_somebody_has_approved(world: World, tell, approvals) -> None:
    before = world.read_changes("production")[0]
    approvals(required=2)
    _, runs = tell(in_turn(answer("grace"), answer("robin", "reject")))

    assert runs["production"].state == "Rejected"
    assert world.read_changes("production")[0] == before
