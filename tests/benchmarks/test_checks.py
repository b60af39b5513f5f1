"""What running checks side by side and keeping caches is worth, and what integrate adds to the tools' own time."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.logging import disable_run_logger

from deployments.register import register
from deployments.sandbox.changes import good_change, sample_files
from deployments.sandbox.opening import open_world
from flows.integrate import integrate
from tasks.checks.apart import Apart
from tasks.checks.cache import CachePlace, cache_key, copy_tree, keep_cache, restore_cache
from tasks.checks.run import run_check
from tasks.checks.tree import own_copy
from tasks.domain.gates.check import Check
from tasks.domain.gates.checks import CheckOutcome
from tasks.domain.toolchain.cache import cache_environment

GO = Path(__file__).parent.parent / "data" / "applications" / "go"
OVERHEAD_AIM_SECONDS = 3.0
# Each waits more than it computes, as scanners and test suites that talk to others do; two cores are enough for four.
CHECKS = {f"check-{number}": Check(command=("sh", "-c", "sleep 1.5; ruff --version")) for number in range(4)}


@flow
def side_by_side(tree: Path) -> list[CheckOutcome]:
    running = [run_check.submit(name, check, own_copy(tree, name)) for name, check in CHECKS.items()]
    return [future.result() for future in running]


@flow
def one_after_another(tree: Path) -> list[CheckOutcome]:
    return [run_check(name, check, own_copy(tree, name)) for name, check in CHECKS.items()]


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


@pytest.mark.benchmark
def test_side_by_side_against_one_after_another(prefect_server: str, tmp_path: Path) -> None:
    seconds = {}
    for each in (one_after_another, side_by_side):
        tree = tmp_path / each.__name__ / "source"
        copy_tree_of_one_file(tree)
        seconds[each.__name__] = timed(lambda each=each, tree=tree: each(tree))
    ratio = seconds["one_after_another"] / seconds["side_by_side"]
    print(f"\n{seconds['one_after_another']:8.2f}  {len(CHECKS)} checks one after another, in seconds")  # noqa: T201
    print(f"{seconds['side_by_side']:8.2f}  side by side: {ratio:.1f} times as fast")  # noqa: T201
    assert ratio > 1


def copy_tree_of_one_file(tree: Path) -> None:
    tree.mkdir(parents=True)
    (tree / "README.md").write_text("# nothing\n")


@pytest.mark.benchmark
@pytest.mark.skipif(shutil.which("go") is None, reason="go is not on the PATH")
def test_warm_against_cold_caches(tmp_path: Path) -> None:
    check = Check(command=("go", "vet", "./..."))

    def run(name: str) -> float:
        tree, cache = tmp_path / name / "source", tmp_path / name / "cache"
        tree.parent.mkdir()
        copy_tree(GO, tree)
        place = CachePlace(tmp_path / "kept", "shop", "go", cache_key(tree, "go"))

        def work() -> None:
            restore_cache(place, cache)
            run_check.fn("vet", check, tree, apart=Apart(cache_environment("go", str(cache))))

        taken = timed(work)
        keep_cache(place, cache)
        return taken

    with disable_run_logger():
        cold, warm = run("cold"), run("warm")
    print(f"\n{cold:8.2f}  go vet with a cold cache, in seconds")  # noqa: T201
    print(f"{warm:8.2f}  with a warm one, its copying included: {cold / warm:.1f} times as fast")  # noqa: T201
    assert warm < cold


@pytest.mark.benchmark
def test_what_integrate_adds_to_the_tools(prefect_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_world(tmp_path) as world:
        for name, value in (world.environment() | {"TIDEGATE_CACHE": str(tmp_path / "cache")}).items():
            monkeypatch.setenv(name, value)
        register(os.environ)
        # A gate fails, so that nothing is built: that has its own figures.
        files = sample_files() | good_change(1)
        files |= {"tests/test_broken.py": "def test_broken() -> None:\n    raise AssertionError\n"}
        commit = world.push("Break a test", files)
        state = integrate("shop-api", commit, return_state=True)
    with get_client(sync_client=True) as client:
        run = FlowRunFilter(id=FlowRunFilterId(any_=[state.state_details.flow_run_id]))
        tasks = client.read_task_runs(flow_run_filter=run)
        whole = client.read_flow_run(state.state_details.flow_run_id).total_run_time.total_seconds()
    longest = max(one.total_run_time.total_seconds() for one in tasks if one.name.startswith("check "))
    print(f"\n{whole:8.2f}  integrate on a commit whose tests fail, in seconds")  # noqa: T201
    print(f"{longest:8.2f}  its longest check")  # noqa: T201
    print(f"{whole - longest:8.2f}  what integrate adds   aim {OVERHEAD_AIM_SECONDS}")  # noqa: T201
    assert state.name == "Gates failed"
