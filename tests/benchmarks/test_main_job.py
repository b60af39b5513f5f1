"""How long the main job takes, as a new user sees it; figures to print and compare, not to fail on."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

AIMS = {"push to first task": 3.0, "of it orchestration": 5.0}
WHOLE_DEMO_SECONDS = 60


@pytest.mark.benchmark
def test_the_happy_scenario(tmp_path: Path) -> None:
    file = tmp_path / "summary.json"
    began = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "deployments.command_line", "demo", "--yes", "--summary", str(file)],
        cwd=Path(__file__).resolve().parents[2],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        timeout=300,
    )
    whole = time.monotonic() - began
    summary = json.loads(file.read_text())
    print("\nThe happy scenario, in seconds")  # noqa: T201 - this is what a benchmark is for
    for phase, seconds in summary["phases"].items():
        aim = f"   aim {AIMS[phase]:.0f}" if phase in AIMS else ""
        print(f"{seconds:8.2f}  {phase}{aim}")  # noqa: T201
    print(f"{whole:8.2f}  the whole demo, from its command to its end   aim {WHOLE_DEMO_SECONDS}")  # noqa: T201
    assert summary["problem"] is None
