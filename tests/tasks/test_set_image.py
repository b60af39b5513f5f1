"""`tidegate set-image` on real files: what it prints, what it leaves on the disk, and its exit codes."""

import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from deployments.command_line import main

REPOSITORY = "registry.example/acme/shop-api"
OLD, NEW = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
IMAGE = f"{REPOSITORY}:v2@{NEW}"
VALUES = f"# ☃\r\nimage:\r\n  repository: {REPOSITORY}\r\n  tag: 'v1' # it\r\n  digest: {OLD}"

SetImage = Callable[..., tuple[int, str, str]]


@pytest.fixture
def set_image(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> SetImage:
    """Runs the command in this process; gives exit code, output and error output."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["tidegate", "set-image", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return run


@pytest.fixture
def values(tmp_path: Path) -> Path:
    file = tmp_path / "values.yaml"
    file.write_bytes(VALUES.encode())
    return file


def after(text: str = VALUES) -> bytes:
    return text.replace("v1", "v2").replace(OLD, NEW).encode()


def test_what_is_written_is_the_file_with_just_the_image_changed(set_image: SetImage, values: Path) -> None:
    arguments = (values, "--format", "helm-values", "--at", "image", "--image", IMAGE, "--write")
    assert set_image(*arguments) == (0, "", "")
    assert values.read_bytes() == after()
    assert set_image(*arguments) == (3, "", "")
    assert values.read_bytes() == after()


def test_without_write_the_difference_is_shown_and_the_file_stays(set_image: SetImage, values: Path) -> None:
    code, out, err = set_image(values, "--format", "helm-values", "--at", "image", "--image", IMAGE, "--diff")
    assert (code, err) == (0, "")
    assert out.splitlines()[2:] == [
        "@@ -1,5 +1,5 @@",
        " # ☃",
        " image:",
        f"   repository: {REPOSITORY}",
        "-  tag: 'v1' # it",
        f"-  digest: {OLD}",
        "\\ No newline at end of file",
        "+  tag: 'v2' # it",
        f"+  digest: {NEW}",
        "\\ No newline at end of file",
    ]
    assert values.read_bytes() == VALUES.encode()


def test_the_mode_stays_and_nothing_else_is_left_in_the_folder(set_image: SetImage, values: Path) -> None:
    values.chmod(0o664)
    link = values.with_name("link.yaml")
    link.symlink_to(values.name)
    assert set_image(link, "--format", "helm-values", "--image", IMAGE, "--write")[0] == 0
    assert link.is_symlink()
    assert values.read_bytes() == after()
    assert stat.S_IMODE(values.stat().st_mode) == 0o664
    assert sorted(path.name for path in values.parent.iterdir()) == ["link.yaml", "values.yaml"]


def test_who_has_the_file_open_reads_the_old_text_to_its_end(set_image: SetImage, values: Path) -> None:
    with values.open("rb") as opened:
        assert set_image(values, "--format", "helm-values", "--image", IMAGE, "--write")[0] == 0
        assert opened.read() == VALUES.encode()


FORMATS = [
    (
        "kustomize",
        ["--at", "shop-api", "--may-add-keys"],
        f"images:\n- name: shop-api\n  newName: {REPOSITORY}\n  newTag: v1\n",
        f"images:\n- name: shop-api\n  newName: {REPOSITORY}\n  newTag: v2\n  digest: {NEW}\n",
    ),
    (
        "manifest",
        ["--at", "api", "--resource", "Deployment/b"],
        (
            "kind: Deployment\nmetadata: {name: a}\ncontainers: [{name: api, image: x}]\n---\n"
            "kind: Deployment\nmetadata: {name: b}\ncontainers: [{name: api, image: 'x'}]\n"
        ),
        (
            "kind: Deployment\nmetadata: {name: a}\ncontainers: [{name: api, image: x}]\n---\n"
            f"kind: Deployment\nmetadata: {{name: b}}\ncontainers: [{{name: api, image: '{IMAGE}'}}]\n"
        ),
    ),
    (
        "application",
        ["--at", "image", "--edit-anchors"],
        (
            "kind: Application\nx: &x v1\nspec: {source: {helm: {valuesObject: "
            f"{{image: {{repository: {REPOSITORY}, tag: *x, digest: '{OLD}'}}}}}}}}}}\n"
        ),
        (
            "kind: Application\nx: &x v2\nspec: {source: {helm: {valuesObject: "
            f"{{image: {{repository: {REPOSITORY}, tag: *x, digest: '{NEW}'}}}}}}}}}}\n"
        ),
    ),
    (
        "helm-values",
        ["--at", "jobs[0].image", "--digest-in-tag"],
        f"jobs:\n- image: {{repository: {REPOSITORY}, tag: 'v1'}}\n",
        f"jobs:\n- image: {{repository: {REPOSITORY}, tag: 'v2@{NEW}'}}\n",
    ),
]


@pytest.mark.parametrize(("kind", "options", "before", "expected"), FORMATS, ids=[kind for kind, *_ in FORMATS])
def test_every_format_and_switch_is_at_hand(
    set_image: SetImage, tmp_path: Path, kind: str, options: list[str], before: str, expected: str
) -> None:
    file = tmp_path / "file.yaml"
    file.write_text(before)
    assert set_image(file, "--format", kind, *options, "--image", IMAGE, "--write") == (0, "", "")
    assert file.read_text() == expected


def test_a_tag_alone_may_be_set_and_the_digest_of_another_image_goes(set_image: SetImage, values: Path) -> None:
    assert set_image(values, "--format", "helm-values", "--image", f"{REPOSITORY}:v2", "--write")[0] == 0
    assert values.read_bytes() == VALUES.replace("v1", "v2").replace(OLD, '""').encode()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--at", "web.image"], "FILE:1: there is no 'web.image'; add it, or correct 'at' of this manifest\n"),
        (["--image", REPOSITORY], f"{REPOSITORY} has neither tag nor digest; give at least one of them\n"),
        (["--image", "A/B:v1"], "'A/B' is not an image repository; use HOST/PATH in lower case\n"),
        (["--at", "a..b"], "--at: 'a..b' is not a path of keys; join keys by dots, such as backend.image or jobs"),
        (["--resource", "a"], "--resource: means nothing for format helm-values, only for manifest and application"),
        (["--format", "kustomize"], "'at' is missing; format kustomize needs there the name of the entry in 'images'"),
        (["--digest-in-tag"], "FILE:2: 'image' has a 'digest', which would stay behind; remove it, or leave"),
        (["--format", "manifest", "--at", "x", "--digest-in-tag"], "--digest-in-tag: means nothing for format manif"),
    ],
)
def test_what_cannot_be_done_ends_with_2_and_file_line_and_reason(
    set_image: SetImage, values: Path, arguments: list[str], sentence: str
) -> None:
    code, out, err = set_image(values, "--format", "helm-values", "--image", IMAGE, "--write", *arguments)
    assert (code, out) == (2, "")
    assert err.replace(str(values), "FILE").startswith(sentence)
    assert values.read_bytes() == VALUES.encode()


def test_a_file_that_is_none_or_no_text_ends_with_2(set_image: SetImage, tmp_path: Path) -> None:
    nothing, binary = tmp_path / "nothing.yaml", tmp_path / "binary.yaml"
    binary.write_bytes(b"a: 1\nb: \xff\n")
    options = ("--format", "helm-values", "--image", IMAGE)
    assert set_image(nothing, *options) == (
        2,
        "",
        f"{nothing} cannot be read (No such file or directory); name another file\n",
    )
    assert set_image(tmp_path, *options) == (2, "", f"{tmp_path} cannot be read (Is a directory); name another file\n")
    assert set_image(binary, *options) == (2, "", f"{binary}:2: this is not UTF-8; save the file in that encoding\n")


def test_a_folder_that_takes_no_file_ends_with_2_and_the_file_stays(
    set_image: SetImage, values: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    code, _, err = set_image(values, "--format", "helm-values", "--image", IMAGE, "--write")
    assert (code, err) == (2, f"{values} cannot be written (No space left on device)\n")
    assert values.read_bytes() == VALUES.encode()
    assert list(values.parent.iterdir()) == [values]
