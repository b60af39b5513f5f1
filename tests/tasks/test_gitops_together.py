"""Changes that go together: one commit for all of them or none, and a history for each."""

import pytest

from blocks.gitops import GitOpsRepository
from tasks.domain.delivery.manifest import Manifest
from tasks.domain.errors import ConfigurationError, DesiredStateConflict, InvalidManifest
from tasks.domain.image import ImageReference
from tasks.domain.promotion.history import Change, last_healthy_before, quarantined
from tasks.gitops import desired_state as gitops
from tasks.gitops.batch import Edit

A, B, C = (f"sha256:{letter * 64}" for letter in "abc")
NAMES = ("shop-api", "shop-web")

pytestmark = pytest.mark.usefixtures("bare_machine")


def values(name: str, digest: str) -> str:
    return f"image:\n  repository: registry.example/{name}\n  tag: v1\n  digest: {digest} # it\n"


def edit(name: str, digest: str, expected: str | None = None, **fields: str) -> Edit:
    change = Change(name, "production", digest, source_commit="1" * 40, release="shop", **fields)  # type: ignore[arg-type]
    image = ImageReference(f"registry.example/{name}", "v1", digest)
    return Edit(change, Manifest(file=f"apps/{name}.yaml"), image, expected)


def write(block: GitOpsRepository, *edits: Edit) -> tuple[gitops.Written, ...]:
    return gitops.write_together.fn(block, "shop", edits)


def history(remote, name: str) -> list[tuple[str, str, str | None]]:
    changes = gitops.read_history.fn(remote.block, name, "production")
    return [(change.digest, change.revision, change.rollback_of) for change in changes]


@pytest.fixture
def shop(remote):
    (remote.clone / "apps").mkdir(exist_ok=True)
    (remote.clone / "apps/shop-web.yaml").write_text(values("shop-web", A))
    remote.commit("apps/shop-api.yaml", values("shop-api", A))
    return remote


def test_all_members_are_changed_by_one_commit_that_each_finds_in_its_history(shop) -> None:
    before = shop.head()
    written = write(shop.block, *(edit(name, B) for name in NAMES))

    assert written == (gitops.Written(shop.head(), changed=True),) * 2
    assert shop.git("rev-list", f"{before}..main").split() == [shop.head()]
    assert shop.git("diff", "--numstat", before, "main") == "1\t1\tapps/shop-api.yaml\n1\t1\tapps/shop-web.yaml\n"
    for name in NAMES:
        assert shop.show(f"apps/{name}.yaml") == values(name, B)
        assert history(shop, name) == [(B, shop.head(), None)]
    # A run that was lost after its push finds that commit.
    assert write(shop.block, *(edit(name, B) for name in NAMES)) == (gitops.Written(shop.head(), changed=False),) * 2


def test_two_members_in_one_file_are_both_changed(remote) -> None:
    text = "api:\n  image: registry.example/shop-api:v1@{0}\nweb:\n  image: registry.example/shop-web:v1@{0}\n"
    remote.commit("apps.yaml", text.format(A))
    edits = [edit(name, B) for name in NAMES]
    places = [Manifest(file="apps.yaml", at=f"{name.removeprefix('shop-')}.image") for name in NAMES]
    write(remote.block, *(Edit(one.change, place, one.image) for one, place in zip(edits, places, strict=True)))
    assert remote.show("apps.yaml") == text.format(B)


def test_a_member_that_is_there_already_keeps_its_own_commit(shop) -> None:
    (first,) = write(shop.block, edit("shop-web", B))
    api, web = write(shop.block, *(edit(name, B) for name in NAMES))
    assert web == gitops.Written(first.revision, changed=False)
    assert api == gitops.Written(shop.head(), changed=True)
    assert history(shop, "shop-web") == [(B, first.revision, None)]
    assert history(shop, "shop-api") == [(B, api.revision, None)]


@pytest.mark.parametrize("broken", ["conflict", "no such file"])
def test_what_cannot_be_written_for_one_is_written_for_none(shop, broken: str) -> None:
    before = shop.head()
    wrong = edit("shop-web", B, C) if broken == "conflict" else edit("shop-jobs", B)
    with pytest.raises((DesiredStateConflict, InvalidManifest)) as told:
        write(shop.block, edit("shop-api", B), wrong)
    assert (f"{wrong.change.application}.yaml" in str(told.value), shop.head()) == (True, before)
    assert shop.show("apps/shop-api.yaml") == values("shop-api", A)


def test_a_foreign_commit_between_fetch_and_push_is_kept_and_both_edits_are_made_again_on_top(shop) -> None:
    before = shop.head()
    foreign = shop.commit("README.md", "foreign\n", "foreign", branch="prepared")
    # The server takes the other push at the moment of ours: its branch has moved when ours comes to be written.
    shop.hook(
        "update",
        f"test -e moved && exit 0; touch moved; unset GIT_QUARANTINE_PATH; git update-ref refs/heads/main {foreign}",
    )
    written = write(shop.block, *(edit(name, B) for name in NAMES))
    assert written == (gitops.Written(shop.head(), changed=True),) * 2
    assert shop.git("rev-list", f"{before}..main").split() == [shop.head(), foreign]
    assert [shop.show(f"apps/{name}.yaml") for name in NAMES] == [values(name, B) for name in NAMES]


def test_after_the_way_back_of_all_only_the_failed_digest_is_in_quarantine(shop) -> None:
    for digest in (A, B):
        write(shop.block, *(edit(name, digest) for name in NAMES))
    write(shop.block, *(edit(name, C) for name in NAMES))
    back = [
        edit("shop-api", B, C, rollback_of=C, reason="never ready"),
        edit("shop-web", B, C, replaced_unhealthy=C, reason="went back with shop-api"),
    ]
    written = write(shop.block, *back)
    assert {each.revision for each in written} == {shop.head()}
    api, web = (gitops.read_history.fn(shop.block, name, "production") for name in NAMES)
    assert (quarantined(api).keys(), quarantined(web)) == ({C}, {})
    # What went back with another is nothing to go back to, either.
    target = last_healthy_before(web, B)
    assert target is None or target.digest == A


def test_a_change_to_another_digest_than_the_image_s_is_refused(shop) -> None:
    one = edit("shop-api", B)
    with pytest.raises(ConfigurationError, match="shop: the change is to"):
        write(shop.block, Edit(one.change, one.manifest, ImageReference("registry.example/shop-api", "v1", C)))
