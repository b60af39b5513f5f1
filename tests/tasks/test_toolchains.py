"""Small real applications are checked with their toolchain's default commands, where it is on the machine."""

import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from prefect.logging import disable_run_logger

from tasks.checks.apart import Apart
from tasks.checks.cache import copy_tree
from tasks.checks.run import PASSED_ON, run_check
from tasks.checks.tree import own_copy, read_tree_facts
from tasks.domain.delivery.application import Application
from tasks.domain.gates.checks import CheckOutcome, decide_check
from tasks.domain.gates.measure import CoveredLines
from tasks.domain.toolchain.cache import cache_environment
from tasks.domain.toolchain.defaults import Equipped, default_checks, equip
from tasks.domain.toolchain.recognition import TreeFacts

APPLICATIONS = Path(__file__).parent.parent / "data" / "applications"


@pytest.fixture(autouse=True)
def _without_a_run() -> Iterator[None]:
    with disable_run_logger():
        yield


@cache
def answers(*command: str) -> bool:
    """Whether the toolchain is there, and what it fetches can be had."""
    try:
        return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def needs(*command: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not answers(*command), reason=f"`{' '.join(command)}` does not work here")


@pytest.fixture
def check(tmp_path: Path) -> Callable[..., dict[str, CheckOutcome]]:
    """Run the recognised default checks as a flow does; the cache is one for the whole test session."""

    def checking(name: str, *wanted: str, changes: dict[str, str | None] | None = None) -> dict[str, CheckOutcome]:
        tree = tmp_path / "source"
        copy_tree(APPLICATIONS / name, tree)
        for file, text in (changes or {}).items():
            (tree / file).unlink() if text is None else (tree / file).write_text(text)
        found = equip(Application(repository="acme/shop", image="shop"), read_tree_facts(tree))
        assert isinstance(found, Equipped)
        assert found.toolchain is not None
        environment = cache_environment(found.toolchain, str(tmp_path.parent / f"cache-{name}"))
        outcomes = {}
        for each, settings in found.application.checks.items():
            if each in wanted or settings.before_others:
                files = tree if settings.before_others else own_copy(tree, each)
                outcomes[each] = run_check.fn(each, settings, files, apart=Apart(environment))
                verdict = decide_check(settings, outcomes[each])
                assert verdict.has_passed, (each, verdict.reason, outcomes[each].tail)
        return outcomes

    return checking


def covered(outcome: CheckOutcome) -> dict[str, tuple[int, ...]]:
    """The lines that no test ran, by file."""
    assert outcome.coverage is not None
    return {file.file: tuple(sorted(file.missed)) for file in outcome.coverage.files}


@needs("go", "version")
def test_a_go_application(check: Callable[..., dict[str, CheckOutcome]]) -> None:
    outcomes = check("go", "lint", "tests")
    tests = outcomes["tests"].tests
    assert tests is not None
    assert (tests.passed, tests.skipped) == (1, 1)
    assert covered(outcomes["tests"]) == {"prices/prices.go": (9, 10)}


@needs("go", "version")
def test_go_code_that_is_not_formatted_fails_its_lint(check: Callable[..., dict[str, CheckOutcome]]) -> None:
    with pytest.raises(AssertionError, match=r"gofmt would change: .*/prices/more\.go"):
        check("go", "lint", changes={"prices/more.go": "package prices\nvar  More = 1\n"})


@needs("node", "--test", "--test-reporter=lcov", "--experimental-test-coverage", os.devnull)
def test_a_node_application(check: Callable[..., dict[str, CheckOutcome]]) -> None:
    outcomes = check("node", "lint", "tests")
    assert outcomes["tests"].tests is not None
    assert outcomes["tests"].tests.passed == 2
    assert covered(outcomes["tests"]) == {"src/prices.js": (4, 5)}


@needs("node", "--version")
def test_a_node_application_without_its_lock_file_fails(
    check: Callable[..., dict[str, CheckOutcome]], tmp_path: Path
) -> None:
    with pytest.raises(AssertionError, match=r"package-lock\.json is missing; run npm install"):
        check("node", changes={"package-lock.json": None})


@needs("npm", "ping")
def test_the_packages_of_a_node_application_are_audited(
    check: Callable[..., dict[str, CheckOutcome]], monkeypatch: pytest.MonkeyPatch
) -> None:
    npmrc = Path.home() / ".npmrc"
    if npmrc.exists():
        monkeypatch.setenv("NPM_CONFIG_USERCONFIG", str(npmrc))
        monkeypatch.setenv(PASSED_ON, "NPM_CONFIG_USERCONFIG")
    assert check("node", "audit")["audit"].findings == ()


@needs("python3", "-m", "pip", "download", "--quiet", "--no-deps", "--dest", "/tmp/tidegate-pip-answers", "pytest-cov")
def test_a_python_application(check: Callable[..., dict[str, CheckOutcome]]) -> None:
    outcomes = check("python", "lint", "tests")
    assert outcomes["tests"].tests is not None
    assert outcomes["tests"].tests.passed == 2
    assert covered(outcomes["tests"]) == {"shop/prices.py": (7,)}


def test_an_audit_that_reaches_no_service_fails_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pip-audit ends with 1 then, which otherwise means that it found something."""
    audit = default_checks("python", TreeFacts(frozenset(), {}))["audit"]
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "frozen.txt").write_text("shaky==2.10\n")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{nobody.getsockname()[1]}")
        monkeypatch.setenv(PASSED_ON, "HTTPS_PROXY")
        verdict = decide_check(audit, run_check.fn("audit", audit, tmp_path))
    assert verdict.has_failed
    assert verdict.reason.startswith(
        "build/reports/pip-audit.json was not written; the check must write it. `sh` ended"
    )
    assert "Unable to connect to proxy" in verdict.reason


@pytest.mark.skipif(shutil.which("mvn") is None, reason="mvn is not on the PATH")
def test_a_maven_application(
    check: Callable[..., dict[str, CheckOutcome]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # It fetches 60 MB into a repository of the session's own.
    if not answers("mvn", "--batch-mode", "--quiet", "help:effective-settings"):
        pytest.skip("Maven Central does not answer")
    outcomes = check("maven", "lint", "tests")
    assert outcomes["tests"].tests is not None
    assert (outcomes["tests"].tests.passed, outcomes["tests"].tests.skipped) == (1, 1)
    coverage = outcomes["tests"].coverage
    assert coverage is not None
    assert coverage.lines == CoveredLines(2, 3)


@pytest.mark.skipif(shutil.which("gradle") is None, reason="gradle is not on the PATH")
def test_a_gradle_application(check: Callable[..., dict[str, CheckOutcome]]) -> None:
    try:
        outcomes = check("gradle", "lint", "tests")
    except AssertionError as refusal:
        if "Could not resolve" in str(refusal):
            pytest.skip("Maven Central does not answer")
        raise
    assert outcomes["tests"].tests is not None
    assert (outcomes["tests"].tests.passed, outcomes["tests"].tests.skipped) == (1, 1)
    assert covered(outcomes["tests"]) == {"**/com/acme/shop/Prices.java": (12,)}
