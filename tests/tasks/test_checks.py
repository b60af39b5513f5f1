"""Checks run apart: in a clean environment, within their time, and with reports that they wrote themselves."""

import logging
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect.logging import disable_run_logger
from pydantic import SecretStr

from blocks.sonarqube import SonarQubeServer
from tasks.checks.run import run_check
from tasks.domain.errors import ConfigurationError
from tasks.domain.gates.check import Check, CouldNotRun, Reports
from tasks.domain.gates.checks import CheckOutcome, Exited, NotStarted, TimedOut, decide_check
from tasks.domain.gates.finding import Severity
from tasks.domain.gates.measure import CoveredLines
from tasks.domain.reports.content import MAX_BYTES
from tasks.domain.reports.sonarqube import SonarQubeAnalysis
from tasks.run_log import RunLog
from tests.tasks.processes import is_gone_soon, needs_proc

SERVER = SonarQubeServer(url="http://127.0.0.1:9", token=SecretStr("sonar-secret-token"))
SOON = CouldNotRun(retries=2, pause_seconds=0)
JUNIT_REPORT = Reports(junit="junit.xml")
JUNIT = "<testsuite><testcase name='a'/></testsuite>"


@pytest.fixture(autouse=True)
def _without_a_run() -> Iterator[None]:
    with disable_run_logger():
        yield


def shell(script: str, **settings: Any) -> Check:
    return Check(command=("sh", "-c", script), **settings)


def run(check: Check, tree: Path, *, sonarqube: SonarQubeServer | None = None) -> CheckOutcome:
    return run_check.fn("check", check, tree, sonarqube=sonarqube)


def test_the_exit_code_and_the_end_of_the_output_are_kept(tmp_path: Path) -> None:
    outcome = run(shell("echo one; echo two >&2; exit 3"), tmp_path)
    assert (outcome.ending, outcome.tail) == (Exited(3), ("one", "two"))


def test_the_tools_of_this_installation_are_found(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import os\n")
    outcome = run(Check(command=("ruff", "check", "--isolated", "--no-cache", ".")), tmp_path)
    assert outcome.ending == Exited(1)
    assert any("F401" in line for line in outcome.tail)


def test_a_real_test_run_brings_its_cases_and_its_coverage(tmp_path: Path) -> None:
    (tmp_path / "calc.py").write_text("def add(a, b):\n    return a + b\n\n\ndef unused():\n    return 1\n")
    (tmp_path / "test_calc.py").write_text("import calc\n\n\ndef test_add():\n    assert calc.add(1, 2) == 3\n")
    command = ("pytest", "-q", "--junit-xml=out/junit.xml", "--cov=calc", "--cov-report=xml:out/coverage.xml")
    reports = Reports(junit="out/junit.xml", cobertura="out/coverage.xml")
    outcome = run(Check(command=command, reports=reports), tmp_path)
    assert outcome.tests is not None
    assert outcome.coverage is not None
    assert (outcome.tests.passed, outcome.coverage.lines) == (1, CoveredLines(3, 4))
    assert [file.file for file in outcome.coverage.files] == ["calc.py"]


def test_nothing_of_our_own_environment_goes_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", "admin:very-secret")
    names = {line.partition("=")[0] for line in run(Check(command=("env",)), tmp_path).tail}
    assert names <= {"PATH", "HOME", "TMPDIR", "LANG", "CI"}


def test_the_home_folder_is_empty_and_gone_afterwards(tmp_path: Path) -> None:
    outcome = run(shell('ls -A "$HOME" | wc -l; touch "$HOME/left"; echo "$HOME"'), tmp_path)
    assert outcome.tail[0].strip() == "0"
    assert not Path(outcome.tail[1]).exists()


def test_only_a_sonarqube_check_gets_the_token_and_the_log_never_shows_it(tmp_path: Path) -> None:
    script = 'echo "[$SONAR_TOKEN]"; test -n "$SONAR_TOKEN"'
    plain = run(shell(script), tmp_path, sonarqube=SERVER)
    assert (plain.ending, plain.tail) == (Exited(1), ("[]",))
    scan = run(shell(script, reports=Reports(sonarqube="report-task.txt")), tmp_path, sonarqube=SERVER)
    assert (scan.ending, scan.tail) == (Exited(0), ("[***]",))


def test_a_secret_of_ours_that_a_check_gets_hold_of_is_masked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", "admin:very-secret")
    assert run(shell("echo got admin:very-secret"), tmp_path).tail == ("got ***",)


def test_a_scan_without_a_server_is_a_mistake_in_the_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="'check' needs a SonarQube server"):
        run(shell("true", reports=Reports(sonarqube="report-task.txt")), tmp_path)


def test_the_scanner_s_report_names_the_analysis(tmp_path: Path) -> None:
    script = "printf 'projectKey=shop\\nceTaskId=AY1\\nceTaskUrl=http://s/api/ce/task?id=AY1\\n' > report-task.txt"
    outcome = run(shell(script, reports=Reports(sonarqube="report-task.txt")), tmp_path, sonarqube=SERVER)
    assert outcome.analysis == SonarQubeAnalysis("AY1", "shop")


@needs_proc
def test_after_the_time_limit_the_whole_group_is_killed(tmp_path: Path) -> None:
    outcome = run(shell("sleep 60 & echo $!; wait", timeout_seconds=1), tmp_path)
    assert outcome.ending == TimedOut(1)
    assert is_gone_soon(int(outcome.tail[0]))


@needs_proc
def test_what_a_check_leaves_running_is_killed_and_does_not_hold_it_up(tmp_path: Path) -> None:
    outcome = run(shell("sleep 60 & echo $!", timeout_seconds=50), tmp_path)
    assert outcome.ending == Exited(0)
    assert is_gone_soon(int(outcome.tail[0]))


def test_output_without_line_ends_is_cut_and_does_not_fill_the_memory(tmp_path: Path) -> None:
    outcome = run(shell("head -c 3000000 /dev/zero | tr '\\0' x; echo; echo end"), tmp_path)
    assert [len(line) for line in outcome.tail] == [1002, 3]


def test_a_program_that_is_not_there_is_said_and_not_tried_again(tmp_path: Path) -> None:
    outcome = run(Check(command=("no-such-program",), retries=3), tmp_path)
    assert outcome.ending == NotStarted("there is no such program; install it where the worker runs.")
    assert outcome.earlier == ()


FAILS_TWICE = "n=$(cat tries 2>/dev/null || echo 0); echo $((n+1)) > tries; test $n -ge 2"


def test_a_flaky_check_runs_again_as_often_as_it_may(tmp_path: Path) -> None:
    check = shell(FAILS_TWICE, retries=3)
    flaky = run(check, tmp_path)
    assert (flaky.ending, len(flaky.earlier)) == (Exited(0), 2)
    assert " Flaky: passed on the 3rd try; the 1st failed: " in decide_check(check, flaky).reason
    (tmp_path / "tries").unlink()
    failing = run(shell(FAILS_TWICE, retries=1), tmp_path)
    assert (failing.ending, len(failing.earlier)) == (Exited(1), 1)


def test_a_check_that_failed_is_not_tried_again_unless_that_is_wanted(tmp_path: Path) -> None:
    assert run(shell(FAILS_TWICE), tmp_path).earlier == ()
    assert (tmp_path / "tries").read_text() == "1\n"


def test_what_the_network_or_a_crash_kept_from_running_runs_again_and_says_so(tmp_path: Path) -> None:
    script = "echo x >> tries; case $(wc -l < tries) in 1) kill -SEGV $$;; 2) echo 'read ECONNRESET'; exit 1;; esac"
    check = shell(script, could_not_run=SOON)
    outcome = run(check, tmp_path)
    assert outcome.ending == Exited(0)
    assert [one.could_not_run for one in outcome.earlier] == [True, True]
    assert decide_check(check, outcome).reason.endswith(
        " Passed on the 3rd try; the 1st could not run: `sh` was ended by signal 11;"
        " the 2nd could not run: `sh` ended with exit code 1: read ECONNRESET."
    )


def test_a_report_that_the_repository_brought_along_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "junit.xml").write_text(JUNIT)
    outcome = run(shell("true", reports=JUNIT_REPORT), tmp_path)
    assert outcome.tests is None
    assert outcome.report_problem == "junit.xml was not written; the check must write it"


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("ln -s {outside} junit.xml", "junit.xml is a link or cannot be read"),
        ("mkfifo junit.xml", "junit.xml is not a plain file"),
        ("mkdir junit.xml", "junit.xml is not a plain file"),
        (": > junit.xml", "junit.xml is empty"),
        ("echo '<testsuite>' > junit.xml", "junit.xml is not a complete JUnit XML report"),
    ],
)
def test_a_report_that_is_no_plain_whole_file_is_refused(tmp_path: Path, script: str, says: str) -> None:
    outside = tmp_path / "outside.xml"
    outside.write_text(JUNIT)
    tree = tmp_path / "tree"
    tree.mkdir()
    outcome = run(shell(script.format(outside=outside), reports=JUNIT_REPORT), tree)
    assert (outcome.report_problem or "").startswith(says)
    assert outcome.tests is None


def test_a_folder_that_leads_out_of_the_tree_is_neither_emptied_nor_read(tmp_path: Path) -> None:
    outside, tree = tmp_path / "outside", tmp_path / "tree"
    outside.mkdir()
    tree.mkdir()
    (outside / "junit.xml").write_text(JUNIT)
    (tree / "out").symlink_to(outside)
    outcome = run(shell("true", reports=Reports(junit="out/junit.xml")), tree)
    assert (outcome.report_problem or "").startswith("out/junit.xml lies outside the work tree")
    assert (outside / "junit.xml").read_text() == JUNIT


def test_the_log_ends_after_its_limit_and_the_tail_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    log = RunLog(logging.getLogger("printed"), secrets=["first\nsecond-line"], lines=2, length=20, tail=2)
    with caplog.at_level(logging.INFO, "printed"):
        for line in ("\x1b[31mred\x1b[0m", "a second-line b", "x" * 19 + " second-line", "last"):
            log.write(line)
    assert caplog.messages[:2] == ["red", "a *** b"]
    assert len(caplog.messages) == 3
    assert log.tail == ("x" * 19 + "  …", "last")


def test_killing_the_check_from_outside_is_an_outcome(tmp_path: Path) -> None:
    assert run(shell("kill -KILL $$", could_not_run=SOON), tmp_path).ending == Exited(-signal.SIGKILL)


def test_a_real_scan_brings_findings_with_places_in_the_repository(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "a.py").write_text("import subprocess\n\n\nsubprocess.call('ls', shell=True)\n")
    command = ("ruff", "check", "--isolated", "--no-cache", "--select=S6", "--output-format=sarif")
    check = Check(
        command=(*command, "--output-file=out/ruff.sarif", "."),
        reports=Reports(sarif="out/ruff.sarif"),
        exit_codes=(0, 1),
    )
    before = run(check, tmp_path)
    assert before.ending == Exited(1)
    assert before.findings is not None
    assert {(one.file, one.line, one.severity) for one in before.findings} == {("shop/a.py", 4, Severity.HIGH)}
    (tmp_path / "shop" / "a.py").write_text("import subprocess\n\nX = 1\n\nsubprocess.call('ls',  shell=True)\n")
    after = run(check, tmp_path)
    assert {one.fingerprint for one in after.findings or ()} == {one.fingerprint for one in before.findings}
    assert {one.line for one in after.findings or ()} == {5}


def test_the_fingerprint_s_line_is_not_read_from_outside_the_tree(tmp_path: Path) -> None:
    outside, tree = tmp_path / "outside.py", tmp_path / "tree"
    tree.mkdir()

    def fingerprint(place: str, content: str) -> str:
        outside.write_text(content)
        (tree / "link.py").unlink(missing_ok=True)
        (tree / "link.py").symlink_to(outside)
        report = f'[{{"code":"X1","level":"error","message":"m","file":"{place}","line":1}}]'
        outcome = run(shell(f"echo '{report}' > h.json", reports=Reports(hadolint="h.json")), tree)
        [finding] = outcome.findings or ()
        return finding.fingerprint

    for place in ("link.py", "../outside.py", str(outside)):
        assert fingerprint(place, "one") == fingerprint(place, "two")


def test_a_pattern_reads_every_file_that_fits_and_forgets_those_of_before(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "TEST-left.xml").write_text(JUNIT)
    reports = Reports(junit="out/TEST-*.xml")
    two = run(shell(f'echo "{JUNIT}" > out/TEST-a.xml; echo "{JUNIT}" > out/TEST-b.xml', reports=reports), tmp_path)
    assert two.tests is not None
    assert two.tests.passed == 2
    assert run(shell("true", reports=reports), tmp_path).report_problem == (
        "out/TEST-*.xml fits no file; the check must write one"
    )
    cut = run(shell(f'echo "{JUNIT}" > out/TEST-a.xml; echo "<testsuite>" > out/TEST-b.xml', reports=reports), tmp_path)
    assert (cut.report_problem or "").startswith("out/TEST-b.xml is not a complete JUnit XML report")


def test_many_reports_together_may_not_be_larger_than_one(tmp_path: Path) -> None:
    script = f"for n in a b; do {{ echo '<testsuite>'; head -c {MAX_BYTES // 2} /dev/zero | tr '\\0' ' '; "
    script += "echo '</testsuite>'; } > $n.xml; done"
    outcome = run(shell(script, reports=Reports(junit="*.xml")), tmp_path)
    assert outcome.report_problem == "*.xml fits files of more than 25 MB; write fewer"


def test_one_report_that_is_missing_does_not_hide_the_others(tmp_path: Path) -> None:
    script = f'echo "{JUNIT}" > junit.xml; echo "[]" > h.json'
    reports = Reports(junit="junit.xml", hadolint="h.json", lcov="lcov.info")
    outcome = run(shell(script, reports=reports), tmp_path)
    assert (outcome.tests is not None, outcome.findings) == (True, ())
    assert outcome.report_problem == "lcov.info was not written; the check must write it"
