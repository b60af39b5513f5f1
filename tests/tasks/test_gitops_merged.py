"""Who approved what somebody else merged: git notes that every history tells, beside messages that others wrote."""

from dataclasses import replace

import pytest

from blocks.gitops import GitOpsRepository
from tasks.domain.delivery.manifest import Manifest
from tasks.domain.errors import DesiredStateConflict
from tasks.domain.image import ImageReference
from tasks.domain.promotion.history import Change, change_with, promotion_message
from tasks.gitops import desired_state as gitops
from tasks.gitops.merged import note_merge

IMAGE, FILE = "registry.example/acme/shop-api", "apps/shop-api/values-production.yaml"
A, B, C = (f"sha256:{letter * 64}" for letter in "abc")

pytestmark = pytest.mark.usefixtures("bare_machine")


def change(digest: str = B, **known: str) -> Change:
    return Change("shop-api", "production", digest, "1" * 40, run="http://ui/1", **known)  # type: ignore[arg-type]


def values(digest: str) -> str:
    return f"image:\n  repository: {IMAGE}\n  tag: v1\n  digest: {digest}\n"


APPROVED = change(approved_by="pat (GitHub)", reason="merged pull request #7")


@pytest.fixture
def merged(remote) -> str:
    """Somebody merged the change with a message of their own."""
    remote.commit(FILE, values(A))
    return str(remote.commit(FILE, values(B), "Looks good to me"))


def history(block: GitOpsRepository) -> list[Change]:
    return list(gitops.read_history.fn(block, "shop-api", "production"))


def test_a_change_whose_message_tells_nothing_is_in_the_history_with_who_approved_it(remote, merged: str) -> None:
    assert history(remote.block) == []
    assert note_merge.fn(remote.block, APPROVED, merged) == merged
    [told] = history(remote.block)
    assert (told.digest, told.approved_by, told.revision) == (B, "pat (GitHub)", merged)
    # Nothing on the branch was touched, and another machine sees it too.
    assert remote.head() == merged
    assert "Tidegate-Approved-By: pat (GitHub)" in remote.git("notes", "--ref=tidegate", "show", merged)


def test_a_second_note_is_not_written_and_another_word_takes_the_first_one_s_place(remote, merged: str) -> None:
    note_merge.fn(remote.block, APPROVED, merged)
    notes = remote.git("rev-parse", "refs/notes/tidegate")
    assert note_merge.fn(remote.block, APPROVED, merged) is None
    assert remote.git("rev-parse", "refs/notes/tidegate") == notes
    assert note_merge.fn(remote.block, change(approved_by="ada (GitHub)"), merged) == merged
    assert [one.approved_by for one in history(remote.block)] == ["ada (GitHub)"]


def test_what_the_commit_says_already_is_kept_and_only_who_approved_is_added(remote) -> None:
    remote.commit(FILE, values(A))
    said = change(replaced_unhealthy=A)
    merged = remote.commit(FILE, values(B), promotion_message(said))
    note_merge.fn(remote.block, APPROVED, merged)
    [told] = history(remote.block)
    assert (told.replaced_unhealthy, told.approved_by) == (A, "pat (GitHub)")


def test_what_else_the_commit_or_its_note_says_stays(remote) -> None:
    """Applications that are promoted together share a commit, whether its message tells them or not."""
    web = replace(change(C), application="shop-web")
    remote.commit(FILE, values(A))
    for message in (promotion_message(change(), web), "Both of them"):
        merged = remote.commit(FILE, values(B), message)
        note_merge.fn(remote.block, APPROVED, merged)
        note_merge.fn(remote.block, replace(web, approved_by="ada (GitHub)"), merged)
        [mine], [other] = (
            [one for one in gitops.read_history.fn(remote.block, name, "production") if one.revision == merged]
            for name in ("shop-api", "shop-web")
        )
        assert (mine.approved_by, other.approved_by) == ("pat (GitHub)", "ada (GitHub)")
        remote.commit(FILE, values(A))


def test_a_history_that_names_the_approver_needs_no_note(remote) -> None:
    remote.commit(FILE, values(A))
    merged = remote.commit(FILE, values(B), promotion_message(APPROVED))
    assert note_merge.fn(remote.block, APPROVED, merged) is None
    assert remote.git("for-each-ref", "refs/notes") == ""


def test_an_earlier_promotion_of_the_same_image_is_not_taken_for_this_one(remote) -> None:
    remote.commit(FILE, values(B), promotion_message(change(approved_by="ada (GitHub)")))
    remote.commit(FILE, values(C), promotion_message(change(C)))
    merged = remote.commit(FILE, values(B), "Once more")
    note_merge.fn(remote.block, APPROVED, merged)
    assert [(one.digest, one.approved_by) for one in history(remote.block)] == [
        (B, "pat (GitHub)"),
        (C, ""),
        (B, "ada (GitHub)"),
    ]


def test_notes_that_others_add_meanwhile_all_stay(remote, merged: str, tmp_path, monkeypatch) -> None:
    note_merge.fn(remote.block, APPROVED, merged)
    later = remote.commit(FILE, values(C), "And another")
    with monkeypatch.context() as another_machine:
        another_machine.setenv("TIDEGATE_CACHE", str(tmp_path / "another-machine"))
        note_merge.fn(remote.block, change(C, approved_by="ada (GitHub)"), later)
    assert [one.approved_by for one in history(remote.block)] == ["ada (GitHub)", "pat (GitHub)"]
    # This machine's list of notes is older than the server's by now.
    newest = remote.commit(FILE, values(A), "Back")
    note_merge.fn(remote.block, change(A, approved_by="zoe (GitHub)"), newest)
    assert len(history(remote.block)) == 3


def test_a_commit_that_is_not_on_the_branch_gets_no_note(remote, merged: str) -> None:
    elsewhere = remote.commit(FILE, values(C), "Not merged", branch="other")
    for commit in (elsewhere, "f" * 40):
        with pytest.raises(DesiredStateConflict, match="is not on the branch of"):
            note_merge.fn(remote.block, change(C), commit)
    assert change_with(history(remote.block), C) is None


def test_a_note_is_no_line_of_the_commit_that_the_promotion_makes(remote, merged: str) -> None:
    """What reads a single commit's message goes on to do so."""
    note_merge.fn(remote.block, APPROVED, merged)
    image = ImageReference(IMAGE, "v1", B)
    assert gitops.write_image.fn(remote.block, Manifest(file=FILE), image, change()).revision == merged
