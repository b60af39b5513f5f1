"""Editing the image in every format: the golden pairs of tests/data/manifests, and what each format refuses."""

from pathlib import Path
from typing import Any

import pytest

from tasks.domain.delivery.manifest import Manifest
from tasks.domain.errors import InvalidImageReference, InvalidManifest
from tasks.domain.image import ImageReference
from tasks.domain.manifest.formats import read_image, set_image

GOLDEN = Path(__file__).parents[1] / "data" / "manifests"
CASES = sorted(str(path.relative_to(GOLDEN)).removesuffix(".before.yaml") for path in GOLDEN.rglob("*.before.yaml"))
REPOSITORY = "registry.example/acme/shop-api"
OLD, NEW = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
IMAGE = ImageReference(REPOSITORY, "f" * 40, NEW)
AT = {"helm-values": "image", "kustomize": "shop-api", "manifest": "shop-api", "application": "image"}
# What a case asks for beyond its format's `at`; may_add_keys and edit_anchors are for those named so.
OPTIONS: dict[str, dict[str, Any]] = {
    "helm-values/digest-in-tag-where-asked-for": {"digest_in_tag": True},
    "helm-values/merge-key-overridden": {"may_add_keys": True},
    "helm-values/keys-added-before-a-mapping": {"may_add_keys": True},
    "kustomize/windows-line-ends": {"may_add_keys": True},
    "kustomize/json": {"may_add_keys": True},
    "manifest/list-of-resources": {"resource": "shop-api"},
    "manifest/resource-by-kind": {"resource": "Deployment/shop-api"},
    "application/kustomize-renamed": {"at": "shop-api"},
    "application/kustomize-renamed-for-the-first-time": {"at": "shop-api"},
    "application/kustomize-same-name": {"at": REPOSITORY},
    "application/several-applications": {"resource": "shop-api-production"},
    "application/windows-line-ends": {"may_add_keys": True},
}
WITHOUT_A_TAG = {
    "helm-values/without-a-tag",
    "helm-values/keys-added-to-other-keys",
    "helm-values/keys-added-before-a-mapping",
    "helm-values/keys-added-to-empty-braces",
    "helm-values/registry-empty",
    "helm-values/duplicate-keys-elsewhere",
    "helm-values/value-on-its-own-line",
    "kustomize/digest-only",
    "kustomize/name-and-digest-added",
    "kustomize/added-in-one-line",
    "application/kustomize-renamed",
    "application/kustomize-renamed-for-the-first-time",
    "application/kustomize-same-name",
    "application/anchor-edited",
}


def manifest(kind: str = "helm-values", **options: Any) -> Manifest:
    return Manifest(file="values.yaml", format=kind, **{"at": AT[kind]} | options)  # type: ignore[arg-type]


def of_case(case: str) -> Manifest:
    switches = {"may_add_keys": "added" in case, "edit_anchors": "edited" in case}
    return manifest(case.partition("/")[0], **switches | OPTIONS.get(case, {}))


def golden(case: str, side: str) -> str:
    return GOLDEN.joinpath(f"{case}.{side}.yaml").read_bytes().decode()


def edit(text: str, image: ImageReference = IMAGE, kind: str = "helm-values", **options: Any) -> str:
    return set_image(text, manifest(kind, **options), image, file="values.yaml")


def read(text: str, kind: str = "helm-values", **options: Any) -> ImageReference | None:
    return read_image(text, manifest(kind, **options), file="values.yaml")


def block(
    tag: str = "tag: 1.2.3", digest: str = f"digest: {OLD}", repository: str = f"repository: {REPOSITORY}"
) -> str:
    return f"image:\n  {repository}\n  {tag}\n  {digest}\n"


def entry(*lines: str) -> str:
    return "images:\n- name: shop-api\n" + "".join(f"  {line}\n" for line in lines)


def pod(image: str = "x:1", kind: str = "Pod", name: str = "a") -> str:
    return f"kind: {kind}\nmetadata: {{name: {name}}}\nspec: {{containers: [{{name: shop-api, image: '{image}'}}]}}\n"


def application(source: str, name: str = "a") -> str:
    return f"kind: Application\nmetadata: {{name: {name}}}\nspec: {{source: {source}}}\n"


@pytest.mark.parametrize("case", CASES)
def test_only_the_image_changes_and_every_other_byte_stays(case: str) -> None:
    assert set_image(golden(case, "before"), of_case(case), IMAGE, file=case) == golden(case, "after")


@pytest.mark.parametrize("case", CASES)
def test_an_edit_that_is_made_twice_is_made_once(case: str) -> None:
    after = golden(case, "after")
    assert set_image(after, of_case(case), IMAGE, file=case) == after


@pytest.mark.parametrize("case", CASES)
def test_what_was_set_is_what_is_read(case: str) -> None:
    found = read_image(golden(case, "after"), of_case(case), file=case)
    assert found == ImageReference(REPOSITORY, None if case in WITHOUT_A_TAG else IMAGE.tag, NEW)


@pytest.mark.parametrize("case", [case for case in CASES if "added" in case or "edited" in case])
def test_neither_is_a_key_added_nor_an_anchor_edited_that_was_not_asked_for(case: str) -> None:
    careful = of_case(case).model_copy(update={"may_add_keys": False, "edit_anchors": False})
    with pytest.raises(InvalidManifest, match=f"^{case}:\\d+: .* or set (may-add-keys|edit-anchors)"):
        set_image(golden(case, "before"), careful, IMAGE, file=case)


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
    image = ImageReference(REPOSITORY, tag, NEW)
    assert f'  tag: "{tag}"\n' in edit(block(), image)
    assert f'  newTag: "{tag}"\n' in edit(
        entry(f"newName: {REPOSITORY}", "newTag: v1", "digest: ''"), image, "kustomize"
    )


def test_a_number_is_quoted_even_where_its_characters_are_the_wanted_tag() -> None:
    after = edit(block(tag="tag: 1234567"), ImageReference(REPOSITORY, "1234567", NEW))
    assert '  tag: "1234567"\n' in after


def test_a_version_is_not_quoted_where_the_old_one_was_not() -> None:
    assert "  tag: 1.2.4-rc.1\n" in edit(block(), ImageReference(REPOSITORY, "1.2.4-rc.1", NEW))


def test_a_tag_that_the_image_does_not_have_is_emptied() -> None:
    image = ImageReference(REPOSITORY, None, NEW)
    assert edit(block(), image) == block(tag='tag: ""', digest=f"digest: {NEW}")
    before = entry(f"newName: {REPOSITORY}", "newTag: v1", f"digest: {OLD}")
    assert edit(before, image, "kustomize") == before.replace("v1", '""').replace(OLD, NEW)


def test_a_digest_that_the_image_does_not_have_is_emptied_where_a_tag_is_enough() -> None:
    image = ImageReference(REPOSITORY, "v2")
    before = entry(f"newName: {REPOSITORY}", "newTag: v1", f"digest: {OLD}")
    after = set_image(before, manifest("kustomize"), image, file="k", tag_is_enough=True)
    assert after == before.replace("v1", "v2").replace(OLD, '""')
    assert read(after, "kustomize") == image
    digest_in_tag = block(tag=f"tag: v1@{OLD}", digest="x: y")
    assert set_image(digest_in_tag, manifest(), image, file="v", tag_is_enough=True) == block(
        tag="tag: v2", digest="x: y"
    )


def test_a_missing_tag_is_needed_where_there_is_no_digest() -> None:
    image, text = ImageReference(REPOSITORY, "v2"), f"image:\n  repository: {REPOSITORY}\n"
    with pytest.raises(InvalidManifest, match=r"^values\.yaml:1: 'image' has no key 'tag'"):
        set_image(text, manifest(), image, file="values.yaml", tag_is_enough=True)
    adding = manifest(may_add_keys=True)
    assert set_image(text, adding, image, file="values.yaml", tag_is_enough=True) == f"{text}  tag: v2\n"


def test_an_edit_that_would_say_something_else_is_refused() -> None:
    text = f"image:\n  ? repository\n  : {REPOSITORY}\n"
    with pytest.raises(InvalidManifest, match=r"^values\.yaml:\d: an edit of this place would change more than it"):
        edit(text, may_add_keys=True)


def test_an_image_without_a_digest_is_written_only_where_a_tag_is_enough() -> None:
    with pytest.raises(InvalidImageReference, match="has no digest"):
        edit(block(), ImageReference(REPOSITORY, "1.2.3"))
    with pytest.raises(InvalidImageReference, match="has neither tag nor digest"):
        set_image(block(), manifest(), ImageReference(REPOSITORY), file="values.yaml", tag_is_enough=True)


@pytest.mark.parametrize(
    ("at", "before"),
    [
        ("api.main.image", f"api: {{main: {{image: {{repository: {REPOSITORY}, 'digest': '{OLD}'}}}}}}\nimage: 1\n"),
        ("jobs[1].image", f"jobs:\n- image: x\n- image: {{repository: {REPOSITORY}, digest: '{OLD}'}}\n"),
        (r"charts.a\.b.image", f"charts:\n  a.b:\n    image: {REPOSITORY}@{OLD}\n  a: {{b: {{image: x}}}}\n"),
    ],
)
def test_values_are_found_at_any_path(at: str, before: str) -> None:
    assert edit(before, ImageReference(REPOSITORY, None, NEW), at=at) == before.replace(OLD, NEW)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (block(tag="tag:", digest='digest: ""'), "helm-values"),
        ("image: ''\n", "helm-values"),
        ("image: acme/shop-api\n", "helm-values"),
        (entry("newName: x", "digest:"), "kustomize"),
        (pod(""), "manifest"),
        ("spec: {containers: [{name: shop-api}]}\n", "manifest"),
        (application("{helm: {parameters: [{name: image.tag, value: ''}]}}"), "application"),
        (application("{kustomize: {images: [image]}}"), "application"),
    ],
)
def test_a_manifest_without_tag_and_digest_names_no_image_yet(text: str, kind: str) -> None:
    assert read(text, kind) is None


def test_without_another_name_the_entry_s_own_is_the_repository() -> None:
    text = f"images:\n- name: {REPOSITORY}\n  digest: {OLD}\n"
    assert read(text, "kustomize", at=REPOSITORY) == ImageReference(REPOSITORY, None, OLD)
    assert edit(text, kind="kustomize", at=REPOSITORY) == text.replace(OLD, NEW)


def test_what_is_shared_can_be_read_though_not_changed() -> None:
    text = f"x: &i {{repository: {REPOSITORY}, digest: '{OLD}'}}\nimage: *i\n"
    assert read(text) == ImageReference(REPOSITORY, None, OLD)


def test_a_parameter_that_helm_would_take_for_a_number_is_forced_to_be_a_text() -> None:
    image = ImageReference(REPOSITORY, "1234567", NEW)
    before = application(
        f"{{helm: {{parameters: [{{name: image.repository, value: {REPOSITORY}}}, {{name: image.tag, value: '1'}}, "
        f"{{name: image.digest, value: '{OLD}'}}]}}}}"
    )
    with pytest.raises(InvalidManifest, match=r"^values\.yaml:3: Helm would not take '1234567' for a text; add"):
        edit(before, image, "application")
    after = edit(before, image, "application", may_add_keys=True)
    assert after == before.replace("value: '1'", "value: '1234567', forceString: true").replace(OLD, NEW)
    assert edit(after, image, "application") == after


A_MERGE = f"x: &i {{digest: {OLD}}}\nimage:\n  repository: {REPOSITORY}\n  <<: *i\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("image:\n  repository: r\n  tag: x\n", "1: 'image' has no key 'digest'; add 'digest: \"\"' there and let"),
        (f"image:\n  digest: {OLD}\n", "1: 'image' has no key 'repository'; add"),
        ("other: 1\n", "1: there is no 'image'; add it, or correct 'at'"),
        ("", "1: there is no 'image'; add it"),
        ("- image\n", "1: there is no 'image'; add it"),
        ("image: [x]\n", "1: 'image' is not a single value"),
        (f"{block()}---\n{block()}", "6: 'image' is there more than once, at lines 1 and 6; leave it in one place"),
        (f"{block()}image: {{}}\n", "5: the key 'image' is already at line 1"),
        (f"{block()}  digest: {OLD}\n", "5: the key 'digest' is already at line 4"),
        (block(digest=f"digest: &d {OLD}") + "x: *d\n", "4: 'image.digest' has the anchor '&d', so others share it"),
        (f"x: &d {OLD}\n{block(digest='digest: *d')}", "5: 'image.digest' is the alias '*d'; write its value out"),
        (f"x: &i {{repository: a, digest: {OLD}}}\nimage: *i\n", "2: 'image' is the alias '*i'; write its value out"),
        (block().replace("image:", "image: &i") + "x: *i\n", "1: 'image' has the anchor '&i', so others share it"),
        (A_MERGE, "4: 'image.digest' comes from a merge key; write it out here, or set edit-anchors"),
        ("x: *i\nimage: *i\n", "2: the alias '*i' has no anchor before it"),
        ("image: &i {repository: *i}\n", "1: the alias '*i' contains itself"),
        (block(digest=f"digest: |\n    {OLD}"), "4: 'image.digest' spans several lines"),
        (block(digest=f"digest: >-\n    {OLD[:9]}\n    {OLD[9:]}"), "4: 'image.digest' spans several lines"),
        (block(digest=f'digest: "sha256:\\\n    {OLD[7:]}"'), "4: 'image.digest' spans several lines"),
        (block(digest=f"digest: !!str {OLD}"), "4: 'image.digest' has an explicit YAML tag"),
        (block(digest=f"digest: [{OLD}]"), "4: 'image.digest' is not a single value"),
        (f"image: {{repository: {REPOSITORY}, digest}}\n", "1: 'image.digest' has no value and no colon"),
        ("image:\n  a: b: c\n", "2: this is not valid YAML: mapping values are not allowed"),
        ("image: [\n", "2: this is not valid YAML"),
    ],
)
def test_values_that_cannot_be_edited_safely_are_refused_with_their_place_and_the_reason(
    text: str, reason: str
) -> None:
    with pytest.raises(InvalidManifest) as refusal:
        edit(text)
    assert str(refusal.value).startswith(f"values.yaml:{reason}")


@pytest.mark.parametrize("text", ['image: "\\UFFFFFFFF"\n', "image: \x07\n"])
def test_a_text_that_the_parser_cannot_place_is_refused_all_the_same(text: str) -> None:
    with pytest.raises(InvalidManifest, match=r"^values\.yaml(:\d+)?: this is not valid YAML"):
        edit(text)


PARAMETERS = "{helm: {parameters: [{name: image.digest, value: x}], valuesObject: {image: y}}}"


@pytest.mark.parametrize(
    ("kind", "options", "text", "reason"),
    [
        ("helm-values", {"at": "a.image"}, "a: [image]\n", "1: 'a' is not a mapping; correct it, or 'at' of this"),
        ("helm-values", {"at": "a[0].image"}, "a: {b: 1}\n", "1: 'a' is not a list; correct it, or 'at' of this"),
        ("helm-values", {"digest_in_tag": True}, block(), "1: 'image' has a 'digest', which would stay behind; remove"),
        ("kustomize", {}, "images: []\n", "1: 'images' has no entry named 'shop-api'; add '- name: shop-api' there"),
        ("kustomize", {}, "images: [{name: b}, {name: a}]\n", "1: 'images' has no entry named 'shop-api'; known: a, b"),
        ("kustomize", {}, entry("newTag: v1") + entry()[8:], "4: an entry of 'images' named 'shop-api' is there more"),
        ("kustomize", {}, entry("newTag: v1"), "2: 'images[0]' has no key 'newName'; add"),
        ("kustomize", {}, entry(f"newName: {REPOSITORY}"), "2: 'images[0]' has no key 'digest'; add"),
        ("kustomize", {}, entry("newTag: 1", "newTag: 2"), "4: the key 'newTag' is already at line 3"),
        ("manifest", {}, pod().replace("shop-api", "web"), "1: no container is named 'shop-api'; known: web; correct"),
        ("manifest", {"resource": "Job/b"}, pod(), "1: no container is named 'shop-api' in Job/b; known: shop-api"),
        ("manifest", {}, "kind: Pod\nspec: {containers: [{name: shop-api}]}", "2: 'spec.containers[0]' has no key 'im"),
        (
            "manifest",
            {},
            pod() + "---\n" + pod(kind="Job", name="b"),
            (
                "7: several containers are named 'shop-api', in Pod/a at line 3, Job/b at line 7; "
                "say which with 'resource: KIND/NAME'"
            ),
        ),
        (
            "application",
            {},
            "kind: Service\n",
            "1: no source has 'image' in Helm parameters, valuesObject or",
        ),
        (
            "application",
            {"resource": "b"},
            application("{helm: {valuesObject: {image: x}}}"),
            "1: no source of b has 'image'",
        ),
        (
            "application",
            {},
            application(PARAMETERS),
            (
                "3: 'image' is in the Helm parameters of Application/a (line 3) and the valuesObject of Application/a "
                "(line 3); leave it in one of them, or say"
            ),
        ),
        (
            "application",
            {},
            application("{helm: {parameters: [{name: image.tag, value: x}]}}"),
            "3: there is no parameter 'image.repository'; add one and let the chart use it, or set may-add-keys",
        ),
        (
            "application",
            {},
            application("{helm: {parameters: [{name: image.tag, value: x}, {name: image.tag, value: y}]}}"),
            "3: the parameter 'image.tag' is there more than once",
        ),
        (
            "application",
            {},
            application("{helm: {parameters: [{name: image.tag, value: x}, {name: image, value: y}]}}"),
            "3: both 'image' and parts of it are parameters here; leave one of both",
        ),
        (
            "application",
            {"digest_in_tag": True},
            application("{helm: {parameters: [{name: image.digest, value: x}]}}"),
            "3: 'spec.source.helm.parameters[0]' has a 'digest', which would stay behind",
        ),
    ],
)
def test_every_format_says_what_keeps_it_from_an_edit(
    kind: str, options: dict[str, Any], text: str, reason: str
) -> None:
    with pytest.raises(InvalidManifest) as refusal:
        edit(text, kind=kind, **options)
    assert str(refusal.value).startswith(f"values.yaml:{reason}")


def test_a_digest_behind_the_tag_needs_a_tag() -> None:
    with pytest.raises(InvalidManifest, match=r"^values\.yaml:1: .* has no tag, but the digest stands behind the tag"):
        edit(block(tag=f"tag: v1@{OLD}", digest="x: y"), ImageReference(REPOSITORY, None, NEW))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (block(digest="digest: sha256:1"), "helm-values"),
        ("image: x@sha256:1\n", "helm-values"),
        (block(tag=f"tag: v1@{OLD}"), "helm-values"),
        (entry("newTag: a b", "newName: x"), "kustomize"),
        (pod("x:1@sha256:1").replace("\n", " \n", 1), "manifest"),
        (application("{kustomize: {images: ['image=a:1:2']}}"), "application"),
        (application("{helm: {parameters: [{name: image.digest, value: 'sha256:1'}]}}"), "application"),
    ],
)
def test_an_image_that_is_not_one_is_named_with_file_and_line(text: str, kind: str) -> None:
    with pytest.raises(InvalidManifest, match=r"^values\.yaml:\d: '[a-z0-9.\[\]]+' does not name an image: "):
        read(text, kind)


def test_two_parts_that_share_one_value_are_refused_where_they_have_to_differ() -> None:
    text = f"image: {{repository: &v {REPOSITORY}, tag: *v, digest: ''}}\n"
    with pytest.raises(InvalidManifest, match=r"^values\.yaml:1: this one value stands for two that differ"):
        edit(text.replace(REPOSITORY, "old"), edit_anchors=True)


def test_anchors_and_duplicate_keys_elsewhere_do_not_matter() -> None:
    text = f"a: &a {{b: *a, b: 1}}\n{block()}"
    assert edit(text) == f"a: &a {{b: *a, b: 1}}\n{block(tag=f'tag: {IMAGE.tag}', digest=f'digest: {NEW}')}"
