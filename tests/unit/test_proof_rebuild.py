"""A rebuild is promoted only where it brings other base images, packages or settings."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tasks.domain.image import ImageReference
from tasks.domain.image_content import ImageContent
from tasks.domain.proof.kinds import CYCLONEDX, PROVENANCE
from tasks.domain.proof.provenance import BuildRecord, Origin, provenance
from tasks.domain.proof.rebuild import Contents, brings_nothing, contents_of
from tasks.domain.proof.statement import Statement

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
IMAGE = ImageContent("linux/amd64", ("sha256:1",), {"User": "7"})
DIGEST = f"sha256:{'a' * 64}"


def contents(base: str | None = "b", version: str = "3.0.1", image: ImageContent | None = IMAGE) -> Contents:
    origin = Origin("https://github.com/acme/shop-api", "c" * 40, "urn:x")
    bases = (ImageReference("docker.io/library/python", "3.12", f"sha256:{base * 64}" if base else None),)
    made = provenance(BuildRecord(origin, "main", NOON, NOON, "run", bases))
    packages = [{"type": "library", "name": "openssl", "version": version}] if version else []
    said = {PROVENANCE: made, CYCLONEDX: {"components": packages}}
    return contents_of(image, tuple(Statement("x", DIGEST, kind, each) for kind, each in said.items()))


def test_other_layers_alone_are_nothing_new() -> None:
    assert brings_nothing(contents(image=replace(IMAGE, layers=("sha256:2",))), contents())


@pytest.mark.parametrize(
    "before",
    [
        contents(base="d"),
        contents(version="3.0.0"),
        contents(image=replace(IMAGE, settings={"User": "8"})),
        contents(image=replace(IMAGE, platform="linux/arm64")),
        contents_of(IMAGE, ()),
    ],
)
def test_another_base_package_or_setting_is_something_new(before: Contents) -> None:
    assert not brings_nothing(contents(), before)


@pytest.mark.parametrize("unknown", [contents(base=None), contents(version=""), contents(image=None)])
def test_what_is_not_known_may_have_changed(unknown: Contents) -> None:
    assert not brings_nothing(unknown, unknown)
