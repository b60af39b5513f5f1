"""An image says where it comes from, the same way for every build of a commit."""

from datetime import datetime, timedelta, timezone

import pytest

from tasks.domain.commit import CommitFacts
from tasks.domain.errors import ConfigurationError
from tasks.domain.image_labels import ImageFacts, image_labels

SHA = "a" * 40
BERLIN = timezone(timedelta(hours=2))


def commit(**changes: object) -> CommitFacts:
    facts = {"sha": SHA, "committed_at": datetime(2026, 7, 1, 1, 30, tzinfo=BERLIN)} | changes
    return CommitFacts(author_name="Ada", author_email="ada@example.org", subject="One", **facts)  # type: ignore[arg-type]


def test_the_labels_are_facts_of_the_commit_and_nothing_of_the_build() -> None:
    assert image_labels(title="shop-api", source="https://git/acme/shop-api", commit=commit()) == {
        "org.opencontainers.image.title": "shop-api",
        "org.opencontainers.image.source": "https://git/acme/shop-api",
        "org.opencontainers.image.revision": SHA,
        "org.opencontainers.image.created": "2026-06-30T23:30:00Z",
        "org.opencontainers.image.version": SHA,
    }


def test_what_was_labelled_is_read_back() -> None:
    labels = image_labels(title="shop-api", source="https://git/acme/shop-api", commit=commit(), version="1.2.3")
    facts = ImageFacts("sha256:0", labels)
    assert (facts.source, facts.revision, facts.created, facts.version) == (
        "https://git/acme/shop-api",
        SHA,
        "2026-06-30T23:30:00Z",
        "1.2.3",
    )
    assert ImageFacts("sha256:0").revision == ""


@pytest.mark.parametrize("wrong", [{"sha": "abc"}, {"committed_at": datetime(2026, 7, 1)}])
def test_a_commit_is_known_by_its_full_sha_and_by_a_time_with_a_zone(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError):
        commit(**wrong)
