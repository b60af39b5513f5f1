"""Image references: what is one, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.domain.errors import InvalidImageReference
from tasks.domain.image import ImageReference, parse_image

DIGEST = "sha256:" + "0f" * 32


@pytest.mark.parametrize(
    ("text", "image"),
    [
        ("shop-api", ImageReference("shop-api")),
        ("registry.example:5000/team/shop-api", ImageReference("registry.example:5000/team/shop-api")),
        ("127.0.0.1:5000/shop:1.2", ImageReference("127.0.0.1:5000/shop", "1.2")),
        (f"shop@{DIGEST}", ImageReference("shop", None, DIGEST)),
        (f"[::1]:5000/a/b__c:v1@{DIGEST}", ImageReference("[::1]:5000/a/b__c", "v1", DIGEST)),
    ],
)
def test_each_part_is_found(text: str, image: ImageReference) -> None:
    assert parse_image(text) == image
    assert str(image) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Shop",
        "shop:",
        "shop@",
        "shop@sha256:12",
        "shop@sha1:" + "0" * 40,
        "-shop",
        "a//b",
        "shop:-x",
        "a b",
        "shop:1\n",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidImageReference):
        parse_image(text)


@given(st.text(max_size=60))
def test_what_is_accepted_reads_back_as_itself(text: str) -> None:
    try:
        image = parse_image(text)
    except InvalidImageReference:
        return
    assert str(image) == text


def test_the_short_digest_is_what_people_quote() -> None:
    assert ImageReference("shop", None, DIGEST).short_digest == "0f" * 6
    assert ImageReference("shop", "v1").short_digest == ""
