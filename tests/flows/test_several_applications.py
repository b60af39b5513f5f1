"""Two applications live in one repository: each has its own checks, and what branch protection requires is both."""

from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.flow_runs import resume_flow_run
from ruamel.yaml import YAML

from deployments.demo.play import follow
from deployments.demo.timeline import Run
from deployments.sandbox.changes import good_change, sample_files
from deployments.sandbox.world import APPLICATION, REPOSITORY, World

WEB = "shop-web"
WHO = {"author_name": "Dana Developer", "author_email": "dana@acme.example"}


@pytest.fixture
def set_up(world: World, configure):
    """Configure both; of the second one only the check is given."""
    settings: dict[str, Any] = YAML(typ="safe", pure=True).load(world.delivery_file)["applications"][APPLICATION]
    lint = {"lint": settings["checks"]["lint"]}

    def setting_up(of_web: str) -> None:
        shop = settings | {"checks": lint, "gates": {}}
        web = {"repository": REPOSITORY, "image": WEB, "checks": {"lint": {"command": [of_web]}}}
        configure("applications", **{APPLICATION: shop, WEB: web})

    return setting_up


def reject(waiting: Run) -> None:
    resume_flow_run(waiting.run_id, run_input={"decision": "reject", "approver": "Robin Reviewer"})


def test_the_required_check_is_green_only_where_both_are_and_each_is_promoted_by_its_own(
    world: World, set_up, start
) -> None:
    set_up("false")
    files = sample_files() | good_change(1) | {"web.md": "There is a second application.\n"}
    commit = world.github.commit(REPOSITORY, "two-applications", files, "Begin the web shop", **WHO)
    assert start("integrate", application=APPLICATION, commit=commit).name == "Checked"
    gates = world.read_gates(commit)
    assert gates.keys() == {"tidegate", f"tidegate/{APPLICATION}", f"tidegate/{APPLICATION}/lint"}
    assert gates[f"tidegate/{APPLICATION}"] == "success: Gate lint passed."
    assert gates["tidegate"] == f"pending: Waiting for {WEB}."

    assert start("integrate", application=WEB, commit=commit).name == "Gates failed"
    gates = world.read_gates(commit)
    assert gates[f"tidegate/{WEB}"] == "failure: 1 of 1 gate failed: lint."
    assert gates["tidegate"] == f"failure: 1 of 2 applications failed: {WEB}."
    # The first one passes once more, which does not make it better.
    start("integrate", application=APPLICATION, commit=commit)
    assert world.read_gates(commit)["tidegate"] == f"failure: 1 of 2 applications failed: {WEB}."

    set_up("true")
    assert start("integrate", application=WEB, commit=commit).name == "Checked"
    assert world.read_gates(commit)["tidegate"] == "success: All 2 applications passed."

    set_up("false")
    commit = world.github.commit(REPOSITORY, "main", files, "Begin the web shop", **WHO)
    start("integrate", application=WEB, commit=commit)
    assert start("integrate", application=APPLICATION, commit=commit).name == "Integrated"
    with get_client(sync_client=True) as client:
        runs = follow(client, commit, lambda _runs: None, reject)
    assert {run.environment: run.state for run in runs if run.flow == "promote"} == {
        "staging": "Verified",
        "production": "Rejected",
    }
    assert world.read_gates(commit)["tidegate"] == f"failure: 1 of 2 applications failed: {WEB}."
