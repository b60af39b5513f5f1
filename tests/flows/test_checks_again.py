"""Tools that stumble: what says nothing of the code runs again and is told, what speaks against it does not pass."""

from prefect import State
from ruamel.yaml import YAML

from deployments.sandbox.changes import good_change, sample_files
from deployments.sandbox.world import APPLICATION, World

# Whether a check has run before is seen by what it left in its work tree.
STUMBLES = 'test -e been && exit 0; touch been; echo "curl: (6) Could not resolve host: advisories.example"; exit 1'
FAILS_ONCE = """
from pathlib import Path


def test_that_depends_on_the_weather() -> None:
    been = Path("been-here")
    is_second = been.exists()
    been.touch()
    assert is_second, "it rains"
"""
CUT = """printf '{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "scan' > scan.sarif"""


def test_tools_that_stumble_are_told_from_code_that_fails(world: World, configure, start) -> None:
    settings = YAML(typ="safe", pure=True).load(world.delivery_file)["applications"][APPLICATION]
    tests = settings["checks"]["unit-tests"]
    checks = {
        "advisories": {"command": ["sh", "-c", STUMBLES], "could-not-run": {"retries": 2, "pause-seconds": 0}},
        "unit-tests": tests | {"retries": 1},
        "weather": {"command": [*tests["command"][:4], "tests/test_weather.py"]},
        "scan": {"command": ["sh", "-c", CUT], "retries": 1, "reports": {"sarif": "scan.sarif"}},
    }
    configure("applications", **{APPLICATION: settings | {"checks": checks}})

    files = sample_files() | good_change(1) | {"tests/test_weather.py": FAILS_ONCE}
    commit = world.push("Look out of the window", files, branch="weather")
    ended: State = start("integrate", application=APPLICATION, commit=commit)

    gates = {name.removeprefix("tidegate/"): said for name, said in world.read_gates(commit).items()}
    assert gates["advisories"].startswith("success: Passed in ")
    assert " Passed on the 2nd try; the 1st could not run: `sh` ended with exit code 1: " in gates["advisories"]
    assert "tests passed. Flaky: passed on the 2nd try; the 1st failed: 1 of " in gates["unit-tests"]
    # Without `retries` a test that fails once has failed.
    assert gates["weather"].startswith("failure: ")
    assert "` ended with exit code 1: 1 failed" in gates["weather"]
    assert gates["scan"].startswith("failure: scan.sarif is not complete JSON (")
    assert gates["findings"].startswith("failure: Not known: check 'scan' did not bring its report")
    assert ended.name == "Gates failed"
    assert gates["tidegate"] == "failure: 3 of 7 gates failed: weather, scan, findings."
