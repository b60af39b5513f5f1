"""An application that names no checks is checked with those of its toolchain."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client

from deployments.demo.play import follow
from deployments.demo.timeline import Run
from deployments.sandbox.world import World

GO = Path(__file__).parent.parent / "data" / "applications" / "go"


def nobody_is_asked(_waiting: Run) -> None:
    raise AssertionError("no image was built")


def integrate(world: World, title: str, files: dict[str, str]) -> dict[str, str]:
    """What GitHub shows of the change."""
    commit = world.push(title, files)
    with get_client(sync_client=True) as client:
        follow(client, commit, lambda _runs: None, nobody_is_asked)
    return {name.removeprefix("tidegate/"): text for name, text in world.read_gates(commit).items()}


@pytest.mark.skipif(shutil.which("go") is None, reason="go is not on the PATH")
def test_a_toolchain_s_checks_decide_under_the_platform_s_policy_and_doubt_is_a_no(
    world: World, configure: Callable[..., None]
) -> None:
    files = {str(file.relative_to(GO)): file.read_text() for file in GO.rglob("*") if file.is_file()}
    application = {"repository": "acme/shop-api", "image": "shop-api"}
    configure("applications", **{"shop-api": application})
    said = integrate(world, "Bring another toolchain along", files)
    assert set(said) == {"toolchain", "tidegate"}
    assert said["toolchain"].startswith(
        "failure: The repository's root fits several toolchains: python (pyproject.toml) and go (go.mod); set the"
    )

    configure("applications", **{"shop-api": application | {"toolchain": "go"}})
    said = integrate(world, "Say more", {"README.md": "# shop-api, in Go\n"})
    assert said["lint"].startswith("success: Passed in ")
    assert said["tests"] == "success: 1 test passed, 1 skipped."
    assert said["coverage"].startswith(
        "failure: 60.00 % of lines are covered (3 of 5), but at least 80 % are asked for"
    )
    assert said["tidegate"] == "failure: 1 of 3 gates failed: coverage."
