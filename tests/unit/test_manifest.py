"""Editing the image in Helm values: the golden pairs of tests/data/manifests, properties, and everything refused."""

import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tasks.domain.delivery import Manifest
from tasks.domain.errors import InvalidImageReference, InvalidManifest
from tasks.domain.image import ImageReference
from tasks.domain.manifest import read_image, set_image
from tasks.domain.scalar import needs_quotes, quoted

GOLDEN = Path(__file__).parents[1] / "data" / "manifests"
CASES = sorted(path.name.removesuffix(".before.yaml") for path in GOLDEN.glob("*.before.yaml"))
REPOSITORY = "registry.example/acme/shop-api"
OLD, NEW = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
IMAGE = ImageReference(REPOSITORY, "f" * 40, NEW)


def manifest(at: str = "image") -> Manifest:
    return Manifest(file="values.yaml", at=at)


def edit(text: str, image: ImageReference = IMAGE, at: str = "image") -> str:
    return set_image(text, manifest(at), image, file="values.yaml")


def read(text: str, at: str = "image") -> ImageReference | None:
    return read_image(text, manifest(at), file="values.yaml")


def block(
    tag: str = "tag: 1.2.3", digest: str = f"digest: {OLD}", repository: str = f"repository: {REPOSITORY}"
) -> str:
    return f"image:\n  {repository}\n  {tag}\n  {digest}\n"


@pytest.mark.parametrize("case", CASES)
def test_only_the_image_changes_and_every_other_byte_stays(case: str) -> None:
    before, after = (GOLDEN.joinpath(f"{case}.{side}.yaml").read_bytes().decode() for side in ("before", "after"))
    assert edit(before) == after


@pytest.mark.parametrize("case", CASES)
def test_an_edit_that_is_made_twice_is_made_once(case: str) -> None:
    after = GOLDEN.joinpath(f"{case}.after.yaml").read_bytes().decode()
    assert edit(after) == after


@pytest.mark.parametrize("case", CASES)
def test_what_was_set_is_what_is_read(case: str) -> None:
    found = read(GOLDEN.joinpath(f"{case}.after.yaml").read_bytes().decode())
    assert found == ImageReference(REPOSITORY, None if case == "without-a-tag" else IMAGE.tag, NEW)


@pytest.mark.parametrize(
    "tag",
    [
        "1234567",
        "1.10",
        "1e5",
        "123e4567",
        "0x1f",
        "0o17",
        "0b1",
        "1_000",
        "on",
        "No",
        "y",
        "null",
        "true",
        "2026-05-09",
    ],
)
def test_a_tag_that_yaml_would_read_as_something_else_is_quoted(tag: str) -> None:
    after = edit(block(), ImageReference(REPOSITORY, tag, NEW))
    assert f'  tag: "{tag}"\n' in after


def test_a_number_is_quoted_even_where_its_characters_are_the_wanted_tag() -> None:
    after = edit(block(tag="tag: 1234567"), ImageReference(REPOSITORY, "1234567", NEW))
    assert '  tag: "1234567"\n' in after


def test_a_version_is_not_quoted_where_the_old_one_was_not() -> None:
    assert "  tag: 1.2.4-rc.1\n" in edit(block(), ImageReference(REPOSITORY, "1.2.4-rc.1", NEW))


def test_a_tag_that_the_image_does_not_have_is_emptied() -> None:
    after = edit(block(), ImageReference(REPOSITORY, None, NEW))
    assert after == block(tag='tag: ""', digest=f"digest: {NEW}")


def test_the_mapping_is_found_deep_in_the_document() -> None:
    text = f"api:\n  main:\n    image: {{repository: {REPOSITORY}, 'digest': '{OLD}'}}\nimage: {{digest: x}}\n"
    assert edit(text, at="api.main.image") == text.replace(OLD, NEW)


def test_a_manifest_without_tag_and_digest_names_no_image_yet() -> None:
    assert read(block(tag="tag:", digest='digest: ""')) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("image:\n  repository: r\n  tag: x\n", "values.yaml: 'image' has no key 'digest'; add"),
        (f"image:\n  digest: {OLD}\n", "values.yaml: 'image' has no key 'repository'; add"),
        ("other: 1\n", "values.yaml: there is no mapping 'image'; add it"),
        ("", "values.yaml: there is no mapping 'image'; add it"),
        ("image: shop-api\n", "values.yaml:1: 'image' is not a mapping"),
        (f"{block()}---\n{block()}", "values.yaml: 'image' is in several documents, at lines 2 and 7"),
        (f"{block()}image: {{}}\n", "values.yaml:5: the key 'image' is already at line 1"),
        (f"{block()}  digest: {OLD}\n", "values.yaml:5: the key 'digest' is already at line 4"),
        (block(digest=f"digest: &d {OLD}"), "values.yaml:4: 'image.digest' has the anchor '&d'"),
        (f"x: &d {OLD}\n{block(digest='digest: *d')}", "values.yaml:5: 'image.digest' is the alias '*d'"),
        (f"x: &i {{digest: {OLD}}}\nimage: *i\n", "values.yaml:2: 'image' is an alias of '*i'"),
        (block().replace("image:", "image: &i"), "values.yaml:1: 'image' has the anchor '&i'"),
        (f"x: &i {{a: 1}}\n{block()}  <<: *i\n", "values.yaml:6: 'image' has a merge key"),
        (block(digest=f"digest: |\n    {OLD}"), "values.yaml:4: 'image.digest' spans several lines"),
        (block(digest=f"digest: >-\n    {OLD}"), "values.yaml:4: 'image.digest' spans several lines"),
        (block(digest=f'digest: "sha256:\\\n    {OLD[7:]}"'), "values.yaml:4: 'image.digest' spans several lines"),
        (block(digest=f"digest: !!str {OLD}"), "values.yaml:4: 'image.digest' has an explicit YAML tag"),
        (block(digest=f"digest: [{OLD}]"), "values.yaml:4: 'image.digest' is not a single value"),
        (f"image: {{repository: {REPOSITORY}, digest}}\n", "values.yaml:1: 'image.digest' has no value and no colon"),
        ("image:\n  a: b: c\n", "values.yaml:2: this is not valid YAML: mapping values are not allowed"),
        ("image: [\n", "values.yaml:2: this is not valid YAML"),
        ('image: "\\UFFFFFFFF"\n', "values.yaml: this is not valid YAML"),
        ("image: \x07\n", "values.yaml: this is not valid YAML"),
    ],
)
def test_a_manifest_that_cannot_be_edited_safely_is_refused_with_its_place_and_the_reason(
    text: str, reason: str
) -> None:
    with pytest.raises(InvalidManifest) as refusal:
        edit(text)
    assert str(refusal.value).startswith(reason)


def test_an_image_that_is_not_one_is_named_with_file_and_line() -> None:
    with pytest.raises(
        InvalidManifest, match=r"^values\.yaml:2: 'image' does not name an image: 'sha256:1' is not a dig"
    ):
        read(block(digest="digest: sha256:1"))


def test_an_image_without_a_digest_is_never_written() -> None:
    with pytest.raises(InvalidImageReference, match="has no digest"):
        edit(block(), ImageReference(REPOSITORY, "1.2.3"))


def test_anchors_and_duplicate_keys_elsewhere_do_not_matter() -> None:
    text = f"a: &a {{b: *a, b: 1}}\n{block()}"
    assert edit(text) == f"a: &a {{b: *a, b: 1}}\n{block(tag=f'tag: {IMAGE.tag}', digest=f'digest: {NEW}')}"


tags = st.from_regex(r"\A[A-Za-z0-9_][A-Za-z0-9._-]{0,40}\Z") | st.from_regex(r"\A[0-9]{1,3}[eE._x-]?[0-9]{0,40}\Z")
tags = tags.filter(lambda tag: "\n" not in tag)
digests = st.text("0123456789abcdef", min_size=64, max_size=64).map("sha256:{}".format)
images = st.builds(ImageReference, st.sampled_from([REPOSITORY, "localhost:5000/n", "on", "a/b"]), tags, digests)
texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\u2028\u2029\ufeff"))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
others = st.dictionaries(texts.filter(lambda key: key != "image"), values, min_size=1, max_size=4)


def dumped(value: dict[str, Any]) -> str:
    out = io.StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.dump(value, out)
    return out.getvalue()


def loaded(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text.removeprefix("\ufeff"))


@st.composite
def manifests(draw: st.DrawFn) -> str:
    """Values as people write them: an image mapping in any style, between other things that were dumped."""
    quote = st.sampled_from(["'{}'", '"{}"', "{}"])
    comment = st.sampled_from(["", " # a: comment", "   #", " # ☃ 'x'"])
    indent = " " * draw(st.integers(1, 6))
    keys = draw(st.permutations(["repository", "tag", "digest"]))
    old = {"repository": "old/image", "tag": draw(st.sampled_from(["v1.0", "", "null", "12"])), "digest": OLD}
    lines = [f"{indent}{key}: {draw(quote).format(old[key])}{draw(comment)}" for key in keys]
    text = dumped(draw(others)) + "\n".join([f"image:{draw(comment)}", *lines]) + "\n"
    text += draw(st.sampled_from(["", "\n\n# end", "zzz: [1,  2]\n"]))
    text = text.replace("\n", draw(st.sampled_from(["\n", "\r\n"])))
    return draw(st.sampled_from(["", "\ufeff"])) + text


@given(manifests(), images)
def test_the_edited_text_is_the_old_document_with_just_the_image_changed(text: str, image: ImageReference) -> None:
    after = edit(text, image)
    wanted = {"repository": image.repository, "tag": image.tag, "digest": image.digest}
    assert loaded(after) == loaded(text) | {"image": wanted}
    assert edit(after, image) == after
    assert read(after) == image


@given(manifests(), images)
def test_every_other_line_is_the_same(text: str, image: ImageReference) -> None:
    before, after = text.splitlines(keepends=True), edit(text, image).splitlines(keepends=True)
    changed = [old.split(":")[0].strip() for old, new in zip(before, after, strict=True) if old != new]
    assert set(changed) <= {"repository", "tag", "digest"}
    assert len(changed) <= 3


@given(tags | st.sampled_from(["y", "NO", "oN", ".5", "0o7", "1:30", "1e", "~", "0b_", "-1", "+.inf", ".NaN"]))
def test_a_text_that_is_left_plain_is_a_text_in_yaml_1_1_and_1_2(text: str) -> None:
    written = quoted(text, '"') if needs_quotes(text) else text
    for version in ((1, 1), (1, 2)):
        yaml = YAML(typ="safe", pure=True)
        yaml.version = version
        assert yaml.load(f"key: {written}\n") == {"key": text}
