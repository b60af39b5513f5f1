"""A check that takes too much is killed with all that it started, and nothing of it outlives its worker."""

import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect.logging import disable_run_logger

from tasks.checks.apart import Apart
from tasks.checks.run import PASSED_ON, run_check
from tasks.checks.tree import give_to, own_copy
from tasks.domain.errors import ConfigurationError
from tasks.domain.gates.check import Check
from tasks.domain.gates.checks import CheckOutcome, Exited, LimitHit, NotStarted
from tasks.domain.gates.isolation import Limits
from tests.tasks.processes import is_gone_soon, needs_proc

ROOT = Path(__file__).resolve().parents[2]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
NOBODY = "nobody"


@pytest.fixture(autouse=True)
def _without_a_run() -> Iterator[None]:
    with disable_run_logger():
        yield


def run(tree: Path, *command: str, user: str | None = None, **limits: int) -> CheckOutcome:
    check = Check(command=command, limits=Limits(**limits), timeout_seconds=60)
    return run_check.fn("check", check, tree, apart=Apart(user=user))


@needs_proc
def test_memory_of_all_processes_together_is_limited(tmp_path: Path) -> None:
    program = "import time; kept = bytearray(b'x') * (60 * 1024 * 1024); print('has it', flush=True); time.sleep(50)"
    script = f'for n in 1 2 3; do {sys.executable} -c "{program}" & done; wait'
    outcome = run(tmp_path, "sh", "-c", script, memory_mb=120)
    assert outcome.ending == LimitHit("more than 120 MB of memory")


def test_a_single_process_cannot_be_quicker_than_the_measuring(tmp_path: Path) -> None:
    program = "bytearray(900 * 1024 * 1024)"
    outcome = run(tmp_path, sys.executable, "-c", program, memory_mb=100)
    assert outcome.ending in (Exited(1), LimitHit("more than 100 MB of memory"))
    assert outcome.ending != Exited(1) or outcome.tail[-1] == "MemoryError"


@needs_proc
def test_processes_are_limited(tmp_path: Path) -> None:
    outcome = run(tmp_path, "sh", "-c", "for n in $(seq 30); do sleep 50 & done; echo $!; wait", processes=20)
    assert outcome.ending == LimitHit("more than 20 processes")
    assert is_gone_soon(int(outcome.tail[-1]))


def test_output_is_limited(tmp_path: Path) -> None:
    outcome = run(tmp_path, "sh", "-c", "yes", output_mb=1)
    assert outcome.ending == LimitHit("more than 1 MB of output")


def test_a_file_is_limited(tmp_path: Path) -> None:
    outcome = run(tmp_path, "sh", "-c", "head -c 3000000 /dev/zero > large; echo went on", file_mb=1)
    assert (tmp_path / "large").stat().st_size == 1024 * 1024
    assert run(tmp_path, "head", "-c", "10", "/dev/zero", file_mb=1).ending == Exited(0)
    assert outcome.ending == Exited(0)
    script = "exec head -c 3000000 /dev/zero > large"
    assert run(tmp_path, "sh", "-c", script, file_mb=1).ending == LimitHit("more than 1 MB for one file")


@needs_proc
def test_what_leaves_the_process_group_is_killed_too(tmp_path: Path) -> None:
    outcome = run(tmp_path, "sh", "-c", "setsid sh -c 'echo $$; exec sleep 60' & sleep 0.3")
    assert outcome.ending == Exited(0)
    assert is_gone_soon(int(outcome.tail[0]))


def start_worker(tree: Path, script: str) -> subprocess.Popen[bytes]:
    """A process of its own that runs one check, as a flow's process does."""
    program = (
        "import sys; from pathlib import Path; from tasks.process.group import run_in_group\n"
        "run_in_group(('sh', '-c', sys.argv[2]), folder=Path(sys.argv[1]), environment={'PATH': '/bin:/usr/bin'},"
        " timeout_seconds=60, on_line=print)"
    )
    return subprocess.Popen([sys.executable, "-c", program, str(tree), script], cwd=ROOT)


@needs_proc
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_goes_on_where_the_worker_is_killed(tmp_path: Path, how: signal.Signals) -> None:
    worker = start_worker(tmp_path, "sleep 60 & echo $$ $! > started.part; mv started.part started; wait")
    started = tmp_path / "started"
    for _ in range(400):
        if started.exists():
            break
        time.sleep(0.05)
    numbers = [int(word) for word in started.read_text().split()]
    worker.send_signal(how)
    worker.wait(20)
    assert all(is_gone_soon(number) for number in numbers)


@needs_proc
def test_a_check_cannot_write_its_own_ending(tmp_path: Path) -> None:
    outcome = run(tmp_path, "sh", "-c", "ls /proc/self/fd | wc -l; cat /proc/$PPID/environ | wc -c; exit 3")
    assert outcome.ending == Exited(3)
    # Standard input, output and error, and the folder that ls reads.
    assert outcome.tail[0].strip() == "4"


def test_no_program_gets_more_rights_than_the_check_has(tmp_path: Path) -> None:
    outcome = run(tmp_path, "sh", "-c", "grep NoNewPrivs /proc/self/status; ulimit -c")
    assert [line.split()[-1] for line in outcome.tail] == ["1", "0"]


@as_root
def test_a_check_runs_as_the_user_that_is_configured(tmp_path: Path) -> None:
    tree = Path("/tmp") / f"tidegate-test-{os.getpid()}"
    (tree / "source").mkdir(parents=True, mode=0o700)
    try:
        (tree / "source" / "a.txt").write_text("a")
        mine = own_copy(tree / "source", "check", user=NOBODY)
        script = 'id -un; echo more >> a.txt; touch "$HOME/b" && echo has a home; cat /etc/shadow; kill -0 $PPID'
        outcome = run(mine, "sh", "-c", script, user=NOBODY)
        assert outcome.tail[:2] == (NOBODY, "has a home")
        assert outcome.ending == Exited(1)
        assert (mine / "a.txt").read_text() == "amore\n"
        assert mine.stat().st_uid == pwd.getpwnam(NOBODY).pw_uid
    finally:
        subprocess.run(["rm", "-rf", str(tree)], check=True)


def test_a_user_that_is_not_there_or_not_ours_to_become_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no user 'nobody-at-all' on this worker"):
        give_to(tmp_path, "nobody-at-all")
    assert isinstance(run(tmp_path, "true").ending, Exited)


def test_a_folder_for_a_program_is_not_started(tmp_path: Path) -> None:
    assert run(tmp_path, str(tmp_path)).ending == NotStarted("Permission denied; check the command.")


def test_what_the_worker_names_is_passed_on_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings: dict[str, Any] = {PASSED_ON: "HTTPS_PROXY, UNSET", "HTTPS_PROXY": "http://proxy:3128", "OTHER": "x"}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    outcome = run(tmp_path, "sh", "-c", 'echo "$HTTPS_PROXY[$UNSET][$OTHER]"')
    assert outcome.tail == ("http://proxy:3128[][]",)
