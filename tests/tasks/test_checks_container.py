"""A check in a container of a real engine: it has its files, and nothing else."""

import io
import os
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from prefect.logging import disable_run_logger
from prefect_docker import DockerHost

from tasks.checks.apart import Apart
from tasks.checks.container import WORKER_LABEL
from tasks.checks.run import PASSED_ON, run_check
from tasks.domain.errors import ConfigurationError, Unreachable
from tasks.domain.gates.check import Check, Reports
from tasks.domain.gates.checks import CheckOutcome, Exited, LimitHit, NotStarted, TimedOut
from tasks.domain.gates.isolation import Container, Limits

pytestmark = pytest.mark.docker
ROOT = Path(__file__).resolve().parents[2]
BUSYBOX = Path("/bin/busybox")
IMAGE = "tidegate-tests/busybox:1"
ENGINE = DockerHost()


@pytest.fixture(autouse=True)
def _without_a_run() -> Iterator[None]:
    with disable_run_logger():
        yield


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """A client of a real engine that has an image with busybox, and loses it afterwards."""
    if not BUSYBOX.exists():
        pytest.skip("/bin/busybox is not there; it comes with Debian's busybox-static")
    try:
        with DockerHost(timeout=30).get_client() as connected:
            connected.ping()
            connected.api.import_image_from_data(busybox_files(), repository=IMAGE.split(":", maxsplit=1)[0], tag="1")
            yield connected
            connected.images.remove(IMAGE, force=True)
    except docker.errors.DockerException as problem:
        pytest.skip(f"no Docker engine answers: {problem}")


def busybox_files() -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as files:
        files.add(BUSYBOX, "bin/busybox")
        for name in ("sh", "ls", "id", "cat", "sleep", "touch", "yes", "head", "wget", "ip", "grep", "printf", "env"):
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            files.addfile(link)
    return content.getvalue()


def run(tree: Path, script: str, *, apart: Apart | None = None, **settings: Any) -> CheckOutcome:
    check = Check(command=("sh", "-c", script), **({"timeout_seconds": 30} | settings))
    return run_check.fn("check", check, tree, apart=apart or Apart(container=Container(image=IMAGE), engine=ENGINE))


def left(client: Any) -> list[Any]:
    return client.containers.list(all=True, filters={"label": WORKER_LABEL})


def test_it_reads_and_writes_its_files_and_its_reports_count(client: Any, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("from the commit\n")
    report = "<testsuite><testcase name='a'/></testsuite>"
    script = f'cat a.txt; printf "{report}" > junit.xml; cd /tmp && touch mine && echo "$HOME $CI"'
    outcome = run(tmp_path, script, reports=Reports(junit="junit.xml"))
    assert (outcome.ending, outcome.tail) == (Exited(0), ("from the commit", "/tmp true"))
    assert outcome.tests is not None
    assert outcome.tests.passed == 1
    assert left(client) == []


def test_it_has_no_rights_no_network_and_nothing_else_to_write_to(client: Any, tmp_path: Path) -> None:
    script = (
        "touch /bin/x 2>&1; ip link show | grep -v lo | grep -c state; grep CapEff /proc/self/status;"
        "grep NoNewPrivs /proc/self/status; ls /root /etc/shadow 2>&1 | head -1; exit 4"
    )
    outcome = run(tmp_path, script)
    assert outcome.ending == Exited(4)
    assert "Read-only file system" in outcome.tail[0]
    assert outcome.tail[1] == "0"
    assert [line.split()[-1] for line in outcome.tail[2:4]] == ["0000000000000000", "1"]


def test_what_was_fetched_is_there_and_of_the_worker_s_settings_only_what_it_names(
    client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, tree = tmp_path / "cache", tmp_path / "tree"
    cache.mkdir()
    tree.mkdir()
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", "admin:very-secret")
    monkeypatch.setenv(PASSED_ON, "HTTPS_PROXY")
    apart = Apart({"GOCACHE": str(cache)}, container=Container(image=IMAGE), engine=ENGINE, cache=cache)
    outcome = run(tree, 'touch "$GOCACHE/got"; echo "$HTTPS_PROXY[$PREFECT_API_AUTH_STRING]"', apart=apart)
    assert outcome.tail == ("http://proxy:3128[]",)
    assert (cache / "got").exists()


@pytest.mark.parametrize(
    ("script", "settings", "ending"),
    [
        ("sleep 60", {"timeout_seconds": 1}, TimedOut(1)),
        ("yes", {"limits": Limits(output_mb=1)}, LimitHit("more than 1 MB of output")),
        (
            "head -c 3000000 /dev/zero > large; exit $?",
            {"limits": Limits(file_mb=1)},
            LimitHit("more than 1 MB for one file"),
        ),
    ],
)
def test_what_takes_too_much_is_killed_and_gone(
    client: Any, tmp_path: Path, script: str, settings: dict[str, Any], ending: TimedOut | LimitHit
) -> None:
    outcome = run(tmp_path, script, **settings)
    assert outcome.ending == ending
    assert left(client) == []


def test_what_the_engine_cannot_do_is_said(client: Any, tmp_path: Path) -> None:
    apart = Apart(container=Container(image=IMAGE), engine=ENGINE)
    missing = run_check.fn("check", Check(command=("no-such-program",)), tmp_path, apart=apart)
    assert isinstance(missing.ending, NotStarted)
    assert "no-such-program" in missing.ending.reason
    elsewhere = Apart(container=Container(image=IMAGE), engine=ENGINE, cache=tmp_path / "not-there")
    with pytest.raises(ConfigurationError, match="bind source path does not exist"):
        run(tmp_path, "true", apart=elsewhere)
    nobody = Apart(container=Container(image=IMAGE), engine=DockerHost(base_url="tcp://127.0.0.1:1"))
    with pytest.raises(Unreachable, match=r"tcp://127\.0\.0\.1:1 does not run the check"):
        run(tmp_path, "true", apart=nobody)
    with pytest.raises(ConfigurationError, match=r"set `isolation\.engine`"):
        run(tmp_path, "true", apart=Apart(container=Container(image=IMAGE)))


PROGRAM = """
import sys
from pathlib import Path
from prefect_docker import DockerHost
from tasks.checks.container import run_in_container
from tasks.domain.gates.isolation import Container, Limits
run_in_container(DockerHost(), Container(image=sys.argv[1]), ("sh", "-c", "touch started; sleep 60"),
    folders=(Path(sys.argv[2]),), environment={}, timeout_seconds=60, on_line=print, limits=Limits())
"""


def test_the_container_of_a_worker_that_was_killed_is_removed_by_the_next_check(client: Any, tmp_path: Path) -> None:
    killed, tree = tmp_path / "killed", tmp_path / "tree"
    killed.mkdir()
    tree.mkdir()
    worker = subprocess.Popen([sys.executable, "-c", PROGRAM, IMAGE, str(killed)], cwd=ROOT, env=dict(os.environ))
    for _ in range(600):
        if (killed / "started").exists():
            break
        time.sleep(0.05)
    worker.kill()
    worker.wait()
    assert len(left(client)) == 1
    assert run(tree, "true").ending == Exited(0)
    assert left(client) == []


def test_a_check_beside_it_is_left_alone(client: Any, tmp_path: Path) -> None:
    outcomes: list[CheckOutcome] = []
    trees = [tmp_path / str(number) for number in range(3)]
    for tree in trees:
        tree.mkdir()
    threads = [threading.Thread(target=lambda tree=tree: outcomes.append(run(tree, "sleep 1"))) for tree in trees]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [outcome.ending for outcome in outcomes] == [Exited(0)] * 3
