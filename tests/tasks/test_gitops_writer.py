"""Many edits of one host: who writes them, what each owner is told, and what is on the branch afterwards."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from blocks.gitops import GitOpsRepository
from tasks.domain.delivery.manifest import Manifest
from tasks.domain.errors import AccessRefused, DesiredStateConflict, InvalidManifest, Unreachable
from tasks.domain.image import ImageReference
from tasks.domain.promotion.history import Change
from tasks.gitops import desired_state as gitops
from tasks.gitops.fetches import Fetches
from tasks.gitops.mirror import mirror_folder, open_mirror

IMAGE = "registry.example/acme/shop-api"
A, B, C = (f"sha256:{letter * 64}" for letter in "abc")

pytestmark = pytest.mark.usefixtures("bare_machine")


def values(digest: str) -> str:
    return f"image:\n  repository: {IMAGE}\n  tag: v1\n  digest: {digest} # it\n"


def write(block: GitOpsRepository, name: str, digest: str, expected: str | None = None) -> gitops.Written:
    change = Change(name, "production", digest, source_commit="1" * 40)
    manifest = Manifest(file=f"apps/{name}.yaml")
    image = ImageReference(IMAGE, "v1", digest)
    return gitops.write_image.fn(block, manifest, image, change, expected_digest=expected)


def requests(block: GitOpsRepository) -> list[Path]:
    return sorted(mirror_folder(block).with_suffix(".queue").glob("*/*.request"))


@contextmanager
def busy(block: GitOpsRepository, count: int) -> Iterator[ThreadPoolExecutor]:
    """What is handed to the pool waits until all `count` edits are in the queue; then one of them writes."""
    with ThreadPoolExecutor(count) as pool, open_mirror(block) as mirror:
        mirror.fetch()
        yield pool
        until(lambda: len(requests(block)) == count)


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def count_pushes(remote) -> Callable[[], int]:
    remote.hook("post-receive", f"echo x >> {remote.bare}/pushes")
    return lambda: len((remote.bare / "pushes").read_text().splitlines())


def add_files(remote, names: list[str]) -> None:
    for name in names[1:]:
        file = remote.clone / f"apps/{name}.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(values(A))
    remote.commit(f"apps/{names[0]}.yaml", values(A))


def test_the_edits_that_wait_become_one_commit_each_and_one_push(remote) -> None:
    names = [f"service-{number}" for number in range(8)]
    add_files(remote, names)
    before, pushes = remote.head(), count_pushes(remote)
    with busy(remote.block, len(names)) as pool:
        answers = [pool.submit(write, remote.block, name, B) for name in names]
    written = {name: answer.result() for name, answer in zip(names, answers, strict=True)}

    assert pushes() == 1
    assert all(each.changed for each in written.values())
    assert {each.revision for each in written.values()} == set(remote.git("rev-list", f"{before}..main").split())
    for name, each in written.items():
        assert remote.git("show", "--format=%s", "--name-only", each.revision).split("\n") == [
            f"Promote {name} 1111111 to production",
            "",
            f"apps/{name}.yaml",
            "",
        ]
        assert remote.show(f"apps/{name}.yaml") == values(B)
    assert not requests(remote.block)


def test_a_bad_edit_stops_nobody_else_and_only_its_owner_is_told(remote) -> None:
    add_files(remote, ["good", "other"])
    remote.commit("apps/broken.yaml", "image: [\n")
    with busy(remote.block, 5) as pool:
        good = pool.submit(write, remote.block, "good", B)
        missing = pool.submit(write, remote.block, "missing", B)
        broken = pool.submit(write, remote.block, "broken", B)
        conflict = pool.submit(write, remote.block, "other", C, B)
        other = pool.submit(write, remote.block, "other", B, A)

    assert good.result().changed
    assert "no such file" in str(error(missing, InvalidManifest))
    assert "apps/broken.yaml:" in str(error(broken, InvalidManifest))
    # Whichever of the two came first, the branch shows that order.
    if other.exception() is None and conflict.exception() is None:
        assert remote.show("apps/other.yaml") == values(C)
    else:
        assert "not" in str(error(conflict, DesiredStateConflict))
        assert remote.show("apps/other.yaml") == values(B)
    assert remote.show("apps/good.yaml") == values(B)


def error(future: Future[gitops.Written], kind: type[Exception]) -> BaseException:
    problem = future.exception()
    assert isinstance(problem, kind)
    return problem


def test_edits_of_one_file_build_on_each_other_in_one_push(remote) -> None:
    """As if each had come alone: the second of two equal ones finds the commit of the first."""
    add_files(remote, ["one"])
    pushes = count_pushes(remote)
    with busy(remote.block, 4) as pool:
        futures = []
        for number, digest in enumerate((B, B, A, B), start=1):
            futures.append(pool.submit(write, remote.block, "one", digest))
            until(lambda expected=number: len(requests(remote.block)) == expected)
    first, again, back, last = (future.result() for future in futures)

    assert (first.changed, again.changed, back.changed, last.changed) == (True, False, True, True)
    assert again.revision == first.revision
    assert remote.git("rev-list", "--max-count=3", "main").split() == [last.revision, back.revision, first.revision]
    assert pushes() == 1


def test_a_conflict_within_a_batch_names_the_commit_that_is_really_on_the_branch(remote) -> None:
    add_files(remote, ["one"])
    with busy(remote.block, 2) as pool:
        first = pool.submit(write, remote.block, "one", B)
        until(lambda: len(requests(remote.block)) == 1)
        late = pool.submit(write, remote.block, "one", C, A)
    assert f"since commit {first.result().revision}, not {A}" in str(error(late, DesiredStateConflict))
    assert remote.head() == first.result().revision


def test_a_commit_that_the_server_refuses_does_not_take_the_others_with_it(remote) -> None:
    names = ["one", "two", "refused"]
    add_files(remote, names)
    remote.hook(
        "pre-receive",
        "while read old new ref; do git log --format=%s $old..$new | grep -q refused && exit 1; done; exit 0",
    )
    with busy(remote.block, 3) as pool:
        answers = {name: pool.submit(write, remote.block, name, B) for name in names}
    assert "did not take our push" in str(error(answers.pop("refused"), AccessRefused))
    assert sorted(answer.result().revision for answer in answers.values()) == sorted(
        remote.git("rev-list", "--max-count=2", "main").split()
    )


def test_a_server_that_is_away_is_asked_once_for_all_who_wait(remote) -> None:
    add_files(remote, ["one", "two"])
    block = remote.block.model_copy(update={"url": "http://127.0.0.1:9/acme/gitops.git"})
    mirror_folder(block).parent.mkdir(parents=True)
    with ThreadPoolExecutor(2) as pool, open_mirror(block):
        answers = [pool.submit(write, block, name, B) for name in ("one", "two")]
        until(lambda: len(requests(block)) == 2)
    assert all(isinstance(answer.exception(), Unreachable) for answer in answers)
    assert len({str(answer.exception()) for answer in answers}) == 1
    assert not requests(block)


def test_what_a_dead_process_asked_for_is_not_written(remote) -> None:
    add_files(remote, ["one", "two"])
    with busy(remote.block, 2) as pool:
        answer = pool.submit(write, remote.block, "one", B)
        until(lambda: len(requests(remote.block)) == 1)
        left = requests(remote.block)[0]
        # The same request for another file; nobody holds it.
        left.with_stem("0-left").write_text(left.read_text().replace("one", "two"))
        unfinished = left.with_suffix(".new")
        unfinished.touch()
        os.utime(unfinished, (0, 0))
    assert answer.result().revision == remote.head()
    assert remote.show("apps/two.yaml") == values(A)
    assert not requests(remote.block)
    assert not list(left.parent.iterdir())


def test_a_request_that_nobody_here_understands_is_left_to_its_owner(remote) -> None:
    add_files(remote, ["one"])
    with busy(remote.block, 1) as pool:
        answer = pool.submit(write, remote.block, "one", B)
        until(lambda: len(requests(remote.block)) == 1)
        # As one of a newer version, to whoever reads it; its owner knows what it wants.
        requests(remote.block)[0].write_text('{"edits": [{"change": {"of": "tomorrow"}}]}')
    assert answer.result().changed


WRITER = """
import sys
from blocks.gitops import GitOpsRepository
from tasks.gitops import desired_state as gitops
from tasks.domain.delivery.manifest import Manifest
from tasks.domain.promotion.history import Change
from tasks.domain.image import ImageReference

url, name = sys.argv[1:]
image = ImageReference("registry.example/acme/shop-api", "v1", f"sha256:{'b' * 64}")
change = Change(name, "production", image.digest, source_commit="1" * 40)
print(gitops.write_image.fn(GitOpsRepository(url=url), Manifest(file=f"apps/{name}.yaml"), image, change).revision)
"""


def test_the_death_of_the_process_that_writes_loses_nothing_of_the_others(remote) -> None:
    names = ["one", "two", "three"]
    add_files(remote, names)
    before = remote.head()
    block = remote.block.model_copy(update={"committer_email": "tidegate@localhost"})
    # The first push stays until its process is killed, and is turned down.
    killed = f"for _ in $(seq 600); do test -e {remote.bare}/killed && exit 1; sleep 0.1; done; exit 1"
    remote.hook("pre-receive", f"test -e {remote.bare}/seen || {{ touch {remote.bare}/seen; {killed}; }}")
    with open_mirror(block) as mirror:
        mirror.fetch()
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, remote.url, "one"], env=os.environ | {"PYTHONPATH": str(Path.cwd())}
        )
        until(lambda: len(requests(block)) == 1)
    until((remote.bare / "seen").exists)
    with ThreadPoolExecutor(2) as pool:
        answers = [pool.submit(write, block, name, B) for name in names[1:]]
        until(lambda: len(requests(block)) == 3)
        writer.kill()
        writer.wait()
        (remote.bare / "killed").touch()
        written = [answer.result() for answer in answers]
    assert all(answer.changed for answer in written)
    # Of the dead one's files the mirror's lock may be free a moment before its request is; its edit is written then.
    new = set(remote.git("rev-list", f"{before}..main").split())
    assert {answer.revision for answer in written} <= new
    assert len(new) == len(names) - (remote.show("apps/one.yaml") == values(A))
    assert {remote.show(f"apps/{name}.yaml") for name in names[1:]} == {values(B)}


def test_a_fetch_answers_only_those_who_asked_before_it_began(tmp_path: Path) -> None:
    fetches = Fetches(tmp_path / "fetches")
    early = fetches.begun()
    number = fetches.begin()
    late = fetches.begun()
    assert not fetches.has_brought("main", since=early)
    fetches.end(number, "main")
    assert fetches.has_brought("main", since=early)
    assert not fetches.has_brought("main", since=late)
    assert not fetches.has_brought("other", since=early)


def test_a_fetch_that_failed_answers_nobody(tmp_path: Path) -> None:
    fetches = Fetches(tmp_path / "fetches")
    fetches.end(fetches.begin(), "main")
    asked = fetches.begun()
    fetches.begin()
    assert not fetches.has_brought("main", since=asked)
