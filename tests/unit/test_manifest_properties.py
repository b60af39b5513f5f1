"""What holds for an edit of any text in any format: just the image changes, once, and no other line with it."""

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tasks.domain.delivery.manifest import Manifest
from tasks.domain.image import ImageReference, parse_image
from tasks.domain.manifest.formats import read_image, set_image
from tasks.domain.yaml.quoting import needs_quotes, quoted

OLD = f"sha256:{'a' * 64}"
NAME = "shop-api"
OURS = re.compile(r"\s*(- )?(name|value|newName|newTag|repository|tag|digest|image|- ['\"]?shop-api=)")
WHOLE = ["x:1", f"localhost:5000/a:v1@{OLD}", f"a@{OLD}", "a"]

tags = st.from_regex(r"\A[A-Za-z0-9_][A-Za-z0-9._-]{0,40}\Z") | st.from_regex(r"\A[0-9]{1,3}[eE._x-]?[0-9]{0,40}\Z")
tags = tags.filter(lambda tag: "\n" not in tag)
digests = st.text("0123456789abcdef", min_size=64, max_size=64).map("sha256:{}".format)
repositories = st.sampled_from(["registry.example/acme/shop-api", "localhost:5000/n", "on", "a/b", NAME])
images = st.builds(ImageReference, repositories, tags | st.none(), digests)
texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\u2028\u2029\ufeff"))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
TAKEN = {"image", "images", "spec", "kind", "metadata", "zzz"}
others = st.dictionaries(texts.filter(lambda key: key not in TAKEN), values, min_size=1, max_size=4)
comments = st.sampled_from(["", " # a: comment", "   #", " # ☃ 'x'"])
quotes = st.sampled_from(["'{}'", '"{}"', "{}"])


@dataclass(frozen=True)
class Written:
    """A text, where its image is, and how a document changes with the image."""

    text: str
    manifest: Manifest
    change: Callable[[Any, ImageReference], None]


def dumped(value: dict[str, Any]) -> str:
    out = io.StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.dump(value, out)
    return out.getvalue()


def loaded(text: str) -> Any:
    return list(YAML(typ="safe", pure=True).load_all(text.removeprefix("\ufeff")))


def put(mapping: dict[str, Any], keys: dict[str, str], image: ImageReference) -> None:
    """Set the keys that are there, and a digest beside them; what is empty may stay so in its own way."""
    wanted = {"repository": image.repository, "tag": image.tag, "digest": image.digest}
    for part, key in keys.items():
        if key in mapping or part == "digest":
            mapping[key] = wanted[part] or (mapping[key] and "")


@st.composite
def mapping(draw: st.DrawFn, keys: dict[str, str], indent: str) -> list[str]:
    """Lines of a mapping with these keys for the parts of an image, in any order and quotes; maybe without a digest."""
    parts = draw(st.permutations(["repository", "tag", "digest"]))
    parts = [part for part in parts if part != "digest" or draw(st.booleans())]
    old = {"repository": "old/image", "tag": draw(st.sampled_from(["v1.0", "", "null", "12", "~"])), "digest": OLD}
    lines = [f"{keys[part]}: {draw(quotes).format(old[part])}{draw(comments)}" for part in parts]
    return [indent + line for line in lines]


@st.composite
def whole(draw: st.DrawFn, key: str, indent: str) -> str:
    """A line, or with a block scalar two, with a whole image."""
    old = draw(st.sampled_from(WHOLE))
    written = draw(quotes | st.just(">-{}\n" + indent + "  {}"))
    if written.startswith(">"):
        return f"{indent}{key}: " + written.format(draw(comments), old)
    return f"{indent}{key}: {written.format(old)}{draw(comments)}"


@st.composite
def helm_values(draw: st.DrawFn) -> tuple[str, dict[str, Any], Callable[[Any, ImageReference], None]]:
    indent = " " * draw(st.integers(1, 6))
    if draw(st.booleans()):
        return draw(whole("image", "")) + "\n", {}, lambda document, image: document.update({"image": str(image)})
    keys = {part: part for part in ("repository", "tag", "digest")}
    lines = draw(mapping(keys, indent))
    text = "\n".join([f"image:{draw(comments)}", *lines, f"{indent}pullPolicy: Always"]) + "\n"
    return text, {}, lambda document, image: put(document["image"], keys, image)


@st.composite
def kustomize(draw: st.DrawFn) -> tuple[str, dict[str, Any], Callable[[Any, ImageReference], None]]:
    keys = {"repository": "newName", "tag": "newTag", "digest": "digest"}
    dash = " " * draw(st.integers(0, 4)) + "-" + " " * draw(st.integers(1, 3))
    then = " " * len(dash)
    lines = draw(mapping(keys, then))
    text = f"images:\n{dash}name: other\n{then}newTag: x\n{dash}name: {NAME}{draw(comments)}\n"
    text += "\n".join(lines) + f"\n{dash}name: last\n"
    return text, {"at": NAME}, lambda document, image: put(document["images"][1], keys, image)


@st.composite
def kubernetes(draw: st.DrawFn) -> tuple[str, dict[str, Any], Callable[[Any, ImageReference], None]]:
    dash = " " * draw(st.integers(2, 6)) + "- "
    then = " " * len(dash)
    image = draw(whole("image", then))
    text = f"kind: Pod{draw(comments)}\nspec:\n  containers:\n{dash}name: other\n{then}image: x\n{dash}name: {NAME}\n"
    text += f"{image}\n{then}args: [a]\n"

    def change(document: Any, image: ImageReference) -> None:
        document["spec"]["containers"][1]["image"] = str(image)

    return text, {"at": NAME}, change


@st.composite
def helm_parameters(draw: st.DrawFn) -> tuple[str, dict[str, Any], Callable[[Any, ImageReference], None]]:
    dash = " " * draw(st.integers(6, 8)) + "- "
    then = " " * len(dash)
    old = {"repository": "old/image", "tag": draw(st.sampled_from(["v1.0", "12"])), "digest": OLD}
    parts = [part for part in draw(st.permutations(list(old))) if part != "digest" or draw(st.booleans())]
    text = "kind: Application\nspec:\n  source:\n    helm:\n      parameters:\n"
    for part in parts:
        value = f"value: {draw(quotes).format(old[part])}"
        first, second = draw(st.permutations([f"name: image.{part}", value]))
        text += f"{dash}{first}{draw(comments)}\n{then}{second}{draw(comments)}\n{then}forceString: true\n"

    def change(document: Any, image: ImageReference) -> None:
        items = document["spec"]["source"]["helm"]["parameters"]
        wanted = {f"image.{part}": "" for part in parts}
        put(wanted, {part: f"image.{part}" for part in old}, image)
        for item in items:
            item["value"] = wanted.pop(item["name"])
        items.extend({"name": name, "value": value} for name, value in wanted.items())

    return text, {"at": "image"}, change


@st.composite
def kustomize_images(draw: st.DrawFn) -> tuple[str, dict[str, Any], Callable[[Any, ImageReference], None]]:
    item = draw(quotes).format(f"{NAME}=" + draw(st.sampled_from(["x:1", f"a@{OLD}"])))
    text = "kind: Application\nspec:\n  source:\n    kustomize:\n      images:\n      - a=b:1\n"
    text += f"      - {item}{draw(comments)}\n"

    def change(document: Any, image: ImageReference) -> None:
        document["spec"]["source"]["kustomize"]["images"][1] = f"{NAME}={image.repository}@{image.digest}"

    return text, {"at": NAME}, change


FORMATS: dict[str, st.SearchStrategy[Any]] = {
    "helm-values": helm_values(),
    "kustomize": kustomize(),
    "manifest": kubernetes(),
    "application": helm_parameters() | kustomize_images(),
}


@st.composite
def written(draw: st.DrawFn, kind: str) -> Written:
    """A document as people write it between others, with what stands beside it dumped."""
    ours, options, change = draw(FORMATS[kind])
    text = dumped(draw(others)) + ours + draw(st.sampled_from(["", "\n\n# end", "zzz: [1,  2]\n"]))
    before, after = draw(st.sampled_from([("", ""), ("---\na: {b: 1}\n---\n", ""), ("", "\n---\nlast: document")]))
    text = (before + text + after).replace("\n", draw(st.sampled_from(["\n", "\r\n"])))
    manifest = Manifest(file="f", format=kind, may_add_keys=True, **options)  # type: ignore[arg-type]
    index = 1 if before else 0
    return Written(
        draw(st.sampled_from(["", "\ufeff"])) + text, manifest, lambda documents, image: change(documents[index], image)
    )


def edit(given: Written, image: ImageReference, text: str | None = None) -> str:
    return set_image(given.text if text is None else text, given.manifest, image, file="f")


@pytest.mark.parametrize("kind", FORMATS)
@given(data=st.data(), image=images)
def test_the_edited_text_is_the_old_document_with_just_the_image_changed(
    kind: str, data: st.DataObject, image: ImageReference
) -> None:
    before = data.draw(written(kind))
    after = edit(before, image)
    expected = loaded(before.text)
    before.change(expected, image)
    assert loaded(after) == expected
    assert edit(before, image, after) == after
    found = read_image(after, before.manifest, file="f")
    assert found is not None
    assert (found.repository, found.digest) == (image.repository, image.digest)
    assert found.tag in (image.tag, None)


@pytest.mark.parametrize("kind", FORMATS)
@given(data=st.data(), image=images)
def test_every_other_line_is_the_same(kind: str, data: st.DataObject, image: ImageReference) -> None:
    before = data.draw(written(kind))
    old, new = before.text.split("\n"), edit(before, image).split("\n")
    added = len(new) - len(old)
    assert 0 <= added <= 2
    at = next((i for i, line in enumerate(old) if line != new[i]), None)
    if added:
        rest = [line for line in new if line not in old]
        assert all(OURS.match(line) for line in rest)
        assert [line for line in old if not OURS.match(line)] == [line for line in new if not OURS.match(line)]
    elif at is not None:
        changed = [one for one, other in zip(old, new, strict=True) if one != other]
        # The line of a block scalar holds nothing but the image.
        assert all(OURS.match(line) or line.strip() in WHOLE for line in changed)
        assert len(changed) <= 3


@given(tags | st.sampled_from(["y", "NO", "oN", ".5", "0o7", "1:30", "1e", "~", "0b_", "-1", "+.inf", ".NaN", "a=b"]))
def test_a_text_that_is_left_plain_is_a_text_in_yaml_1_1_and_1_2(text: str) -> None:
    written = quoted(text, '"') if needs_quotes(text) else text
    for version in ((1, 1), (1, 2)):
        yaml = YAML(typ="safe", pure=True)
        yaml.version = version
        assert yaml.load(f"key: {written}\n") == {"key": text}


@given(images)
def test_a_whole_image_is_read_as_it_was_written(image: ImageReference) -> None:
    assert parse_image(str(image)) == image
