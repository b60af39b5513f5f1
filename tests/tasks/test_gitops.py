"""Desired state in real git repositories: what is on the branch afterwards, and what is said where it is not."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from blocks.gitops import GitOpsRepository
from deployments.sandbox.server import serve
from tasks.domain.delivery.manifest import Manifest
from tasks.domain.errors import (
    AccessRefused,
    ConfigurationError,
    DesiredStateConflict,
    InvalidManifest,
    Unreachable,
)
from tasks.domain.image import ImageReference
from tasks.domain.promotion.history import Change, quarantined
from tasks.gitops import desired_state as gitops
from tasks.gitops import writer as gitops_writer
from tasks.gitops.commit_stream import NewCommit
from tasks.gitops.mirror import mirror_folder, open_mirror

IMAGE = "registry.example/acme/shop-api"
FILE = "apps/shop-api/values-production.yaml"
A, B, C = (f"sha256:{letter * 64}" for letter in "abc")
MANIFEST = Manifest(file=FILE)

pytestmark = pytest.mark.usefixtures("bare_machine")


def values(digest: str = A, replicas: int = 3) -> str:
    return f"# production\nreplicas: {replicas}\nimage:\n  repository: {IMAGE}\n  tag: v1\n  digest: {digest} # it\n"


def image(digest: str) -> ImageReference:
    return ImageReference(IMAGE, "v1", digest)


def change(digest: str, **fields: str) -> Change:
    return Change("shop-api", "production", digest, source_commit="1" * 40, **fields)  # type: ignore[arg-type]


def write(block: GitOpsRepository, digest: str, expected: str | None = None, **fields: str) -> gitops.Written:
    return gitops.write_image.fn(block, MANIFEST, image(digest), change(digest, **fields), expected_digest=expected)


def test_the_desired_state_is_what_the_branch_holds_now(remote) -> None:
    assert gitops.read_desired_state.fn(remote.block, MANIFEST).image == image(A)
    head = remote.commit(FILE, values(B))
    assert gitops.read_desired_state.fn(remote.block, MANIFEST) == gitops.DesiredState(image(B), head, values(B))


def test_a_promotion_is_one_commit_that_changes_one_line(remote) -> None:
    before = remote.head()
    written = write(remote.block, B, approved_by="Ada", run="http://ui/1")
    assert written == gitops.Written(remote.head(), changed=True)
    assert remote.git("rev-parse", "main^").strip() == before
    assert remote.git("diff", "--numstat", before, "main") == f"1\t1\t{FILE}\n"
    assert remote.show() == values(B)
    trailers = remote.git("log", "-1", "--format=%(trailers:key=Tidegate-Digest,valueonly)", "main")
    assert trailers.strip() == B


HELM, KUSTOMIZE, PLAIN, APPLICATION = (
    (Manifest(file="values.yaml", at="web.image"), "web:\n  image: {image}:v1@{digest}  # it\n"),
    (
        Manifest(file="kustomization.yaml", format="kustomize", at="shop-api"),
        "images:\n- name: other\n- name: shop-api\n  newName: {image}\n  digest: {digest} # it\n  newTag: v1",
    ),
    (
        Manifest(file="all.yaml", format="manifest", at="api", resource="Deployment/shop-api"),
        (
            "---\nkind: Job\nmetadata: {{name: shop-api}}\nspec: {{containers: [{{name: api, image: x}}]}}\n---\n"
            "kind: Deployment\nmetadata:\n  name: shop-api\nspec:\n  template:\n    spec:\n      containers:\n"
            "      - image: '{image}:v1@{digest}' # it\n        name: api\n"
        ),
    ),
    (
        Manifest(file="application.yaml", format="application"),
        (
            "kind: Application\r\nspec:\r\n  source:\r\n    helm:\r\n      parameters:\r\n"
            "      - {{name: image.repository, value: {image}}}\r\n"
            '      - {{name: image.tag, value: "v1@{digest}"}}\r\n'
        ),
    ),
)


@pytest.mark.parametrize(
    ("manifest", "text"), [HELM, KUSTOMIZE, PLAIN, APPLICATION], ids=lambda one: getattr(one, "format", "")
)
def test_every_format_is_promoted_adopted_and_rolled_back_by_one_line(remote, manifest: Manifest, text: str) -> None:
    def holding(digest: str) -> str:
        return text.format(image=IMAGE, digest=digest)

    before = remote.commit(manifest.file, holding(A))
    assert gitops.read_desired_state.fn(remote.block, manifest) == gitops.DesiredState(image(A), before, holding(A))
    promoted = gitops.write_image.fn(remote.block, manifest, image(B), change(B))
    assert remote.show(manifest.file) == holding(B)
    assert remote.git("diff", "--numstat", before, "main") == f"1\t1\t{manifest.file}\n"
    assert gitops.write_image.fn(remote.block, manifest, image(B), change(B)).revision == promoted.revision
    assert gitops.image_at.fn(remote.block, manifest, before) == image(A)
    back = change(A, rollback_of=B)
    assert gitops.write_image.fn(remote.block, manifest, image(A), back, expected_digest=B).changed
    assert remote.show(manifest.file) == holding(A)


def test_the_commit_is_made_by_the_block_s_committer_on_a_machine_without_git_settings(remote) -> None:
    write(remote.block, B)
    who = remote.git("log", "-1", "--format=%an <%ae> %cn <%ce>", "main")
    assert who == "Tidegate <bot@example.com> Tidegate <bot@example.com>\n"


def test_mode_and_bytes_of_a_file_stay(remote) -> None:
    remote.commit(FILE, "\ufeff" + values().replace("\n", "\r\n").rstrip(), mode=0o755)
    write(remote.block, B)
    assert remote.show() == "\ufeff" + values(B).replace("\n", "\r\n").rstrip()
    assert remote.git("ls-tree", "main", FILE).startswith("100755 blob")


def test_what_is_already_written_is_adopted(remote) -> None:
    first = write(remote.block, B)
    remote.commit("README.md", "something else\n")
    assert write(remote.block, B) == gitops.Written(first.revision, changed=False)
    assert remote.subjects() == ["by hand", "Promote shop-api 1111111 to production", "values", "first"]


def test_the_adopted_commit_is_the_one_that_brought_the_digest_in_not_a_later_edit(remote) -> None:
    first = write(remote.block, B)
    remote.commit(FILE, values(B, replicas=9))
    assert write(remote.block, B).revision == first.revision


def test_the_adopted_commit_is_the_latest_that_brought_the_digest_in(remote) -> None:
    write(remote.block, B)
    write(remote.block, A)
    again = remote.commit(FILE, values(B))
    assert write(remote.block, B) == gitops.Written(again, changed=False)


def test_a_foreign_commit_between_fetch_and_push_is_kept_and_the_edit_is_made_again_on_top(remote) -> None:
    before = remote.head()
    foreign = remote.commit(FILE, values(replicas=9), "foreign", branch="prepared")
    # The server takes the other push at the moment of ours: its branch has moved when ours comes to be written.
    remote.hook(
        "update",
        f"test -e moved && exit 0; touch moved; unset GIT_QUARANTINE_PATH; git update-ref refs/heads/main {foreign}",
    )
    written = write(remote.block, B)
    assert written == gitops.Written(remote.head(), changed=True)
    assert remote.show() == values(B, replicas=9)
    assert remote.git("rev-list", "--parents", f"{before}..main").split() == [
        written.revision,
        foreign,
        foreign,
        before,
    ]


def test_a_push_after_a_foreign_one_is_turned_down_and_changes_nothing(remote) -> None:
    with open_mirror(remote.block) as mirror:
        old = mirror.fetch()
        foreign = remote.commit("README.md", "foreign\n")
        file = mirror.read(old, FILE)
        assert file is not None
        assert mirror.push(mirror.add(old, [NewCommit("late", (file,))])[0]) is False
    assert remote.head() == foreign


def test_a_branch_that_never_stands_still_is_given_up_with_a_reason(remote, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gitops_writer, "_LONGEST_PAUSE", 0.001)
    remote.hook(
        "update",
        "unset GIT_QUARANTINE_PATH; export GIT_AUTHOR_NAME=x GIT_AUTHOR_EMAIL=x GIT_COMMITTER_NAME=x "
        "GIT_COMMITTER_EMAIL=x; git update-ref refs/heads/main "
        "$(git commit-tree -p refs/heads/main -m foreign refs/heads/main^{tree})",
    )
    with pytest.raises(DesiredStateConflict, match="moved on during each of 10 pushes; try again later"):
        write(remote.block, B)
    assert remote.subjects().count("foreign") == 10
    assert remote.show() == values(A)


def test_a_rollback_is_written_only_over_the_digest_that_it_takes_back(remote) -> None:
    write(remote.block, B)
    assert write(remote.block, A, B, rollback_of=B, reason="never ready").changed
    assert remote.show() == values(A)
    assert remote.subjects()[0] == "Roll back shop-api in production to 1111111"


def test_a_rollback_over_another_digest_is_refused_and_says_what_is_there_by_which_commit(remote) -> None:
    write(remote.block, B)
    by_hand = remote.commit(FILE, values(C))
    with pytest.raises(DesiredStateConflict) as refusal:
        write(remote.block, A, B, rollback_of=B)
    assert str(refusal.value) == (
        f"{FILE} holds {image(C)} since commit {by_hand}, not {B} any more; "
        "nothing was written, look at that commit and decide again"
    )
    assert remote.head() == by_hand


def test_a_rollback_that_is_repeated_finds_its_own_commit(remote) -> None:
    write(remote.block, B)
    first = write(remote.block, A, B, rollback_of=B)
    assert write(remote.block, A, B, rollback_of=B) == gitops.Written(first.revision, changed=False)


def test_a_change_to_another_digest_than_the_image_s_is_refused(remote) -> None:
    with pytest.raises(ConfigurationError, match="give the same digest"):
        gitops.write_image.fn(remote.block, MANIFEST, image(A), change(B))


def test_the_history_is_read_from_the_branch_newest_first_and_of_one_application_only(remote) -> None:
    hostile = 'x"; rm -rf /\n\nTidegate-Environment: staging\nTidegate-Digest: forged\u202e'
    first = write(remote.block, B, approved_by=hostile)
    staging = Change("shop-api", "staging", C, source_commit="1" * 40)
    longer = Change("shop-api-2", "production", C, source_commit="1" * 40)
    for other in (staging, longer):
        path = f"apps/{other.application}/{other.environment}.yaml"
        remote.commit(path, values(A))
        gitops.write_image.fn(remote.block, Manifest(file=path), image(C), other)
    second = write(remote.block, A, rollback_of=B, reason="never ready")
    history = gitops.read_history.fn(remote.block, "shop-api", "production")
    assert [(c.digest, c.rollback_of, c.revision) for c in history] == [
        (A, B, second.revision),
        (B, None, first.revision),
    ]
    assert history[1].approved_by == 'x"; rm -rf / Tidegate-Environment: staging Tidegate-Digest: forged'
    assert history[0].reason == "never ready"
    assert history[0].when is not None
    assert abs((datetime.now(UTC) - history[0].when).total_seconds()) < 600


def test_the_end_of_a_quarantine_is_an_empty_commit_that_is_written_once(remote) -> None:
    write(remote.block, B)
    back = write(remote.block, A, B, rollback_of=B, reason="never ready").revision
    cleared = Change("shop-api", "production", B, approved_by="Ada", reason="fixed", clears_quarantine=True)
    written = gitops.write_note.fn(remote.block, cleared)
    assert written == gitops.Written(remote.head(), changed=True)
    assert remote.git("rev-parse", "main^", "main^^{tree}").split() == [
        back,
        remote.git("rev-parse", "main^{tree}").strip(),
    ]
    newest = gitops.read_history.fn(remote.block, "shop-api", "production")
    assert (newest[0].digest, newest[0].clears_quarantine, quarantined(newest)) == (B, True, {})
    assert gitops.write_note.fn(remote.block, cleared) == gitops.Written(written.revision, changed=False)


def test_a_quarantine_that_was_imposed_again_is_cleared_again(remote) -> None:
    cleared = Change("shop-api", "production", B, clears_quarantine=True)
    for _ in range(2):
        write(remote.block, B)
        write(remote.block, A, rollback_of=B)
        assert gitops.write_note.fn(remote.block, cleared).changed
    assert quarantined(gitops.read_history.fn(remote.block, "shop-api", "production")) == {}


def test_a_note_is_no_way_around_the_manifest(remote) -> None:
    with pytest.raises(ConfigurationError, match="write it with write_image"):
        gitops.write_note.fn(remote.block, change(B))


def test_ancestry_is_true_for_itself_and_later_commits_and_false_for_earlier_ones(remote) -> None:
    early, late = remote.head(), remote.commit("README.md", "later\n")
    assert gitops.contains.fn(remote.block, early, late) is True
    assert gitops.contains.fn(remote.block, late, late) is True
    assert gitops.contains.fn(remote.block, late, early) is False


@pytest.mark.parametrize("unknown", ["0" * 40, "main", "", "--all"])
def test_ancestry_of_a_commit_that_is_nowhere_is_unknown(remote, unknown: str) -> None:
    assert gitops.contains.fn(remote.block, remote.head(), unknown) is None
    assert gitops.contains.fn(remote.block, unknown, remote.head()) is None


def test_ancestry_in_a_commit_of_another_branch_is_unknown(remote) -> None:
    before = remote.head()
    other = remote.commit("README.md", "elsewhere\n", branch="other")
    assert gitops.contains.fn(remote.block, before, other) is None


def test_what_the_mirror_knows_is_answered_without_the_server(remote) -> None:
    old, new = remote.head(), write(remote.block, B).revision
    assert gitops.image_at.fn(remote.block, MANIFEST, new) == image(B)
    remote.bare.rename(remote.bare.with_name("gone"))
    assert gitops.contains.fn(remote.block, old, new) is True
    assert gitops.image_at.fn(remote.block, MANIFEST, new) == image(B)


def test_the_image_of_an_earlier_commit_is_found(remote) -> None:
    old, first = remote.head(), remote.git("rev-list", "--max-parents=0", "main").strip()
    new = remote.commit(FILE, values(B))
    assert gitops.image_at.fn(remote.block, MANIFEST, old) == image(A)
    assert gitops.image_at.fn(remote.block, MANIFEST, f"{new}^") == image(A)
    assert gitops.image_at.fn(remote.block, MANIFEST, f"{first}^") is None
    assert gitops.image_at.fn(remote.block, MANIFEST, first) is None
    assert gitops.image_at.fn(remote.block, MANIFEST, "0" * 40) is None


def test_the_mirror_holds_no_file_that_nobody_read(remote) -> None:
    remote.commit("large.bin", os.urandom(100_000))
    write(remote.block, B)
    folder = mirror_folder(remote.block)
    command = ["git", "cat-file", "--batch-all-objects", "--batch-check"]
    objects = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout
    # The file before and after the edit, and nothing of README.md and large.bin.
    assert objects.count(" blob ") == 2


def test_a_mirror_that_a_killed_process_left_locked_is_made_anew(remote) -> None:
    write(remote.block, B)
    head = remote.commit(FILE, values(C))
    (mirror_folder(remote.block) / "refs" / "heads" / "main.lock").touch()
    assert gitops.read_desired_state.fn(remote.block, MANIFEST).revision == head


def test_a_file_that_is_not_there_is_named_with_branch_and_repository(remote) -> None:
    with pytest.raises(
        InvalidManifest, match=rf"^nothing\.yaml: there is no such file on branch 'main' of {remote.url}"
    ):
        gitops.read_desired_state.fn(remote.block, Manifest(file="nothing.yaml"))


def test_a_link_a_folder_and_bytes_that_are_not_text_are_refused(remote) -> None:
    (remote.clone / "link.yaml").symlink_to(FILE)
    remote.commit("bytes.yaml", b"a: 1\nb: \xff\n")
    for file, reason in (
        ("link.yaml", "a folder or a link"),
        ("apps", "a folder or a link"),
        ("bytes.yaml", "not UTF-8"),
    ):
        with pytest.raises(InvalidManifest, match=reason):
            gitops.read_desired_state.fn(remote.block, Manifest(file=file))
    with pytest.raises(InvalidManifest, match=r"^bytes\.yaml:2: "):
        gitops.read_desired_state.fn(remote.block, Manifest(file="bytes.yaml"))


@pytest.mark.parametrize("branch", ["production", "feature/connection"])
def test_a_branch_that_does_not_exist_is_named(remote, branch: str) -> None:
    block = remote.block.model_copy(update={"branch": branch})
    with pytest.raises(ConfigurationError, match=f"has no branch '{branch}'; create it, or correct the block's branch"):
        write(block, B)


def test_an_empty_repository_has_no_branch(empty_remote) -> None:
    with pytest.raises(ConfigurationError, match="has no branch 'main'"):
        gitops.read_desired_state.fn(empty_remote.block, MANIFEST)


def test_a_repository_that_is_not_there_is_named(tmp_path: Path) -> None:
    url = (tmp_path / "nothing.git").as_uri()
    with pytest.raises(AccessRefused, match=f"{url} does not exist or the token may not see it"):
        write(GitOpsRepository(url=url), B)


def test_a_server_that_does_not_answer_is_unreachable() -> None:
    with serve(Starlette()) as base:
        pass
    with pytest.raises(Unreachable, match=r"cannot be reached: .*; check the address and the network"):
        write(GitOpsRepository(url=f"{base}/acme/gitops.git"), B)


@pytest.fixture
def forbidding() -> Iterator[str]:
    async def forbid(request: Request) -> Response:
        return Response(status_code=403 if "authorization" in request.headers else 401)

    with serve(Starlette(routes=[Route("/{path:path}", forbid)])) as base:
        yield base


@pytest.mark.parametrize("token", [None, "not-a-real-token"])
def test_a_server_that_refuses_the_credentials_is_told_from_one_that_is_away(
    forbidding: str, token: str | None
) -> None:
    with pytest.raises(AccessRefused, match="refuses the credentials; give the token the right to read") as refusal:
        write(GitOpsRepository(url=f"{forbidding}/acme/gitops.git", token=token), B)
    assert "not-a-real-token" not in str(refusal.value)


def test_a_branch_that_takes_no_push_from_us_says_so_and_nothing_is_written(remote) -> None:
    remote.hook("pre-receive", "echo 'this branch is protected' >&2; exit 1")
    with pytest.raises(AccessRefused, match=r"branch 'main' .* did not take our push: pre-receive hook declined; let"):
        write(remote.block, B)
    assert remote.show() == values(A)


@pytest.mark.parametrize("url", ["https://me:secret-word@example.com/a.git", "https://secret-word@example.com/a.git"])
def test_a_repository_address_with_credentials_is_refused_without_repeating_them(url: str) -> None:
    with pytest.raises(ValidationError, match="give them as username and token") as refusal:
        GitOpsRepository(url=url)
    assert "secret-word" not in str(refusal.value)


PROMOTIONS = """
import sys
from blocks.gitops import GitOpsRepository
from tasks.gitops import desired_state as gitops
from tasks.gitops import writer as gitops_writer
from tasks.domain.delivery.manifest import Manifest
from tasks.domain.promotion.history import Change
from tasks.domain.image import ImageReference

url, name, letters = sys.argv[1:]
for letter in letters:
    digest = f"sha256:{letter * 64}"
    image = ImageReference("registry.example/acme/shop-api", "v1", digest)
    change = Change(name, "production", digest, source_commit="1" * 40)
    written = gitops.write_image.fn(GitOpsRepository(url=url), Manifest(file=f"apps/{name}.yaml"), image, change)
    print(written.revision, written.changed)
"""


@pytest.mark.parametrize("hosts", [1, 2], ids=["on one host", "on two hosts"])
def test_processes_that_race_all_get_their_commits_in_once(remote, tmp_path: Path, hosts: int) -> None:
    names = ("one", "two")
    for name in names:
        remote.commit(f"apps/{name}.yaml", values(A))
    before = remote.head()
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROMOTIONS, remote.url, name, "bcdb"],
            env=os.environ
            | {"TIDEGATE_CACHE": str(tmp_path / f"host-{number % hosts}"), "PYTHONPATH": str(Path.cwd())},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for number, name in enumerate(names)
    ]
    answers = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], answers
    said = [line.split() for output, _ in answers for line in output.decode().splitlines()]
    assert sorted(revision for revision, _ in said) == sorted(remote.git("rev-list", f"{before}..main").split())
    assert [changed for _, changed in said] == ["True"] * 8
    assert [remote.show(f"apps/{name}.yaml") for name in names] == [values(B)] * 2


def test_a_process_that_is_killed_while_it_writes_leaves_nothing_in_the_way(remote) -> None:
    """Whether its push still arrives or the next one is faster: the change is there once."""
    remote.commit("apps/one.yaml", values(A))
    remote.hook("pre-receive", f"test -e {remote.bare}/seen || {{ touch {remote.bare}/seen; sleep 1; }}")
    process = subprocess.Popen(
        [sys.executable, "-c", PROMOTIONS, remote.url, "one", "b"], env=os.environ | {"PYTHONPATH": str(Path.cwd())}
    )
    while not (remote.bare / "seen").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.wait()
    one = Change("one", "production", B, source_commit="1" * 40)
    written = gitops.write_image.fn(remote.block, Manifest(file="apps/one.yaml"), image(B), one)
    assert remote.show("apps/one.yaml") == values(B)
    assert remote.subjects().count("Promote one 1111111 to production") == 1
    assert written.revision == remote.head()
