"""What tools find decides: a new finding and changed lines without a test stop a change, a waiver lets one pass."""

from prefect.client.orchestration import get_client
from prefect.flow_runs import resume_flow_run

from deployments.demo.play import follow
from deployments.demo.timeline import Run
from deployments.sandbox.changes import good_change, sample_files
from deployments.sandbox.world import World

UNSAFE = """

def as_printed(sku: str) -> bytes:
    import subprocess

    return subprocess.check_output("printf " + sku, shell=True)
"""


def reject(waiting: Run) -> None:
    resume_flow_run(waiting.run_id, run_input={"decision": "reject", "approver": "Robin Reviewer"})


def integrate(world: World, files: dict[str, str]) -> tuple[str, dict[str, str]]:
    """How integrate ended, and what GitHub shows."""
    commit = world.push("Change the shop", sample_files() | files)
    with get_client(sync_client=True) as client:
        runs = follow(client, commit, lambda _runs: None, reject)
    return runs[0].state, {name.removeprefix("tidegate/"): said for name, said in world.read_gates(commit).items()}


def test_a_new_finding_and_new_lines_without_a_test_are_named_by_file_and_line(world: World) -> None:
    good = good_change(1)
    passed, gates = integrate(world, good)
    assert passed == "Integrated"
    # The sample's own finding is real, and a real waiver takes it out.
    assert gates["findings"].startswith(
        "success: No finding. 1 finding waived: S104 at shop_api/service.py:29 (until 20"
    )

    catalogue = "shop_api/catalogue.py"
    unsafe = good | {catalogue: good[catalogue] + UNSAFE}
    line = unsafe[catalogue].splitlines().index("    import subprocess") + 1
    ended, gates = integrate(world, unsafe)
    assert ended == "Gates failed"
    assert gates["findings"].startswith("failure: 1 new finding at high or above; the worst: ")
    assert f"{catalogue}:{line + 2}: S602: " in gates["findings"]
    assert gates["coverage"].startswith("success: ")
    assert gates["changed-lines"].startswith("failure: 33.33 % of changed lines are covered (1 of 3)")
    assert gates["tidegate"] == "failure: 2 of 7 gates failed: changed-lines, findings."

    # Pushed again beside something harmless, it is still new: what failed is no baseline.
    again = unsafe | {"README.md": "# shop-api\n"}
    assert integrate(world, again)[1]["findings"].startswith("failure: 1 new finding at high or above; the worst: ")
