"""The sample application is in order by itself, and its changes do to it what the scenarios need."""

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from deployments.sandbox.changes import broken_tests, good_change, sample_files

PRICE_TEST = "test_tax_is_added_and_half_a_cent_rounded_up"


def shop(folder: Path, changes: dict[str, str]) -> Path:
    """A checkout of the sample with these changes."""
    for name, text in (sample_files() | changes).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def run(folder: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8"}
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def run_tests(folder: Path) -> "subprocess.CompletedProcess[str]":
    reports = ("--junitxml=build/junit.xml", "--cov=shop_api", "--cov-report=xml:build/coverage.xml")
    return run(folder, "pytest", "-q", *reports)


@pytest.mark.parametrize("number", [0, 1, 3])
def test_the_sample_and_its_good_changes_pass_every_check(tmp_path: Path, number: int) -> None:
    folder = shop(tmp_path, good_change(number))
    for command in (("ruff", "check", "."), ("ruff", "format", "--check", ".")):
        linted = run(folder, *command)
        assert linted.returncode == 0, linted.stdout
    tested = run_tests(folder)
    assert tested.returncode == 0, tested.stdout
    coverage = ElementTree.parse(folder / "build/coverage.xml").getroot()
    assert float(coverage.attrib["line-rate"]) > 0.9


def test_the_broken_change_fails_tests_but_not_the_linter(tmp_path: Path) -> None:
    folder = shop(tmp_path, broken_tests())
    assert run(folder, "ruff", "check", ".").returncode == 0
    assert run_tests(folder).returncode == 1
    cases = ElementTree.parse(folder / "build/junit.xml").getroot().iter("testcase")
    failed = {case.attrib["name"].partition("[")[0] for case in cases if case.find("failure") is not None}
    assert PRICE_TEST in failed


def test_every_good_change_differs_from_the_one_before() -> None:
    assert good_change(0) != good_change(1) != good_change(2)
    assert good_change(0) == {name: sample_files()[name] for name in good_change(0)}
