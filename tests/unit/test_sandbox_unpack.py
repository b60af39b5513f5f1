"""Image layers are unpacked into their folder and nowhere else."""

import io
import tarfile
from pathlib import Path

import pytest

from deployments.sandbox.cluster.unpack import UnsafeLayer, apply_layer


def file(name: str, text: str = "x") -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.size = len(text.encode())
    return member, text.encode()


def folder(name: str) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.mode = tarfile.DIRTYPE, 0o500
    return member, b""


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member, b""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "deep" / "root").mkdir(parents=True)
    (tmp_path / "outside").write_text("mine")
    return tmp_path / "deep" / "root"


def unpack(root: Path, *layers: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    for members in layers:
        packed = root.parent / "layer.tar"
        with tarfile.open(packed, "w:gz") as archive:
            for member, content in members:
                archive.addfile(member, io.BytesIO(content))
        apply_layer(packed, root)


def files(root: Path) -> dict[str, str]:
    return {str(p.relative_to(root)): p.read_text() for p in root.rglob("*") if p.is_file() and not p.is_symlink()}


@pytest.mark.parametrize(
    "layers",
    [
        [[file("../escaped")]],
        [[file("app/../../escaped")]],
        [[link("out", "../..")], [file("out/escaped")]],
        [[link("out", "../../outside")], [file("out", "changed")]],
        # Each link alone stays inside; read as text, so does the second one.
        [[link("a/b/c/up", "../../.."), link("a/b/c/out", "up/../../..")], [file("a/b/c/out/escaped")]],
        # The second link stays inside until its folder becomes a link.
        [[folder("p"), link("d/e/q", "../../p/../x")], [link("p", "..")], [file("p/escaped")]],
        [[link("escaped", "../../outside", tarfile.LNKTYPE)]],
        [[link("out", "/../../outside")]],
        [[file("app/.wh...")]],
        [[file(".wh...")]],
        [[file("app/.wh.")]],
        [[link("round", "round")], [file("round/x")]],
    ],
)
def test_a_layer_that_would_escape_is_refused(root: Path, layers: list[list[tuple[tarfile.TarInfo, bytes]]]) -> None:
    with pytest.raises(UnsafeLayer):
        unpack(root, *layers)

    outside = root.parent.parent
    assert [*outside.rglob("escaped")] == []
    assert sorted(path.name for path in outside.iterdir()) == ["deep", "outside"]
    assert (outside / "outside").read_text() == "mine"


def test_a_file_over_a_link_replaces_the_link_and_not_its_target(root: Path) -> None:
    unpack(root, [file("data/target", "old"), link("data/name", "target")], [file("data/name", "new")])

    assert files(root) == {"data/target": "old", "data/name": "new"}


def test_an_absolute_link_means_the_images_own_file(root: Path) -> None:
    unpack(
        root,
        [link("settings", "/etc"), link("usr/bin/tool", "/opt/tool")],
        [file("settings/inside"), file("opt/tool", "t")],
    )

    assert files(root) == {"etc/inside": "x", "opt/tool": "t"}
    assert (root / "usr/bin/tool").read_text() == "t"


def test_a_hard_link_shares_its_content(root: Path) -> None:
    unpack(root, [file("one", "same"), link("folder/two", "one", tarfile.LNKTYPE)])

    assert (root / "one").samefile(root / "folder/two")


def test_whiteouts_hide_what_lower_layers_have_and_nothing_of_their_own(root: Path) -> None:
    lower = [file("data/old"), file("data/kept"), file("cache/old"), file("gone/deep/file"), file("again")]
    # The new files come before the whiteouts that must not hide them.
    upper = [file("cache/new"), file("cache/.wh..wh..opq"), file("data/.wh.old"), file(".wh.gone"), file("again", "2")]

    unpack(root, lower, [*upper, file(".wh.again")])

    assert files(root) == {"again": "2", "cache/new": "x", "data/kept": "x"}


def test_a_whiteout_of_a_link_to_a_folder_leaves_the_folder(root: Path) -> None:
    unpack(root, [file("folder/file"), link("name", "folder")], [file(".wh.name")])

    assert files(root) == {"folder/file": "x"}
    assert not (root / "name").is_symlink()


def test_a_folder_and_a_file_replace_each_other(root: Path) -> None:
    unpack(
        root, [file("a/file"), file("b")], [file("a", "now a file"), file("b/file", "now a folder")][:1], [folder("b")]
    )

    assert files(root) == {"a": "now a file"}
    assert (root / "b").is_dir()


def test_what_is_not_an_archive_is_refused_by_name(root: Path) -> None:
    (root.parent / "layer").write_bytes(b"not a layer")

    with pytest.raises(UnsafeLayer, match="the layer cannot be unpacked"):
        apply_layer(root.parent / "layer", root)
