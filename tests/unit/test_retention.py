"""What the GitOps repository names keeps a tag that no rule expires, and loses it only beside another one."""

import json

from tasks.domain.retention import (
    Retention,
    RetentionPreview,
    decide_retention,
    keep_tag,
    lifecycle_policy,
    preview_lines,
)

A, B, C, D = (f"sha256:{letter * 64}" for letter in "abcd")


def test_what_is_named_gets_a_tag_once_and_what_is_not_loses_it() -> None:
    tags = {A: ["1" * 40], B: ["2" * 40, keep_tag(B)], C: ["3" * 40, keep_tag(C)]}
    assert decide_retention({A, B, D}, tags) == Retention(keep=(A,), release=(keep_tag(C),), missing=(D,))


def test_the_last_tag_of_an_image_is_never_taken_away() -> None:
    assert decide_retention(set(), {A: [keep_tag(A)]}) == Retention((), (), ())


def test_the_policy_protects_before_it_expires_and_leaves_what_has_no_tag_alone() -> None:
    first, second = json.loads(lifecycle_policy(50))["rules"]
    assert first["rulePriority"] < second["rulePriority"]
    assert first["selection"]["tagPatternList"] == ["keep-*"]
    assert first["selection"]["countNumber"] > 36_000
    assert second["selection"] == {
        "tagStatus": "tagged",
        "tagPatternList": ["*"],
        "countType": "imageCountMoreThan",
        "countNumber": 50,
    }
    assert keep_tag(A) == "keep-" + "a" * 32


def test_a_preview_names_what_stays_what_goes_and_what_is_missing() -> None:
    retention = Retention(keep=(A,), release=(keep_tag(C),), missing=(D,))
    preview = RetentionPreview("acme/shop", 2, retention, {B: ("2" * 40,)}, None, 50)
    assert preview_lines(preview) == [
        "acme/shop: keeps the newest 50, and 2 images that the GitOps repository names or has named",
        f"  + {keep_tag(A)}  protects {A}",
        f"  - {keep_tag(C)}  is named no more",
        f"  ? {D}  is named, but not in the registry",
        "  1 image expires:",
        f"    {B}  {'2' * 40}",
        "  there is no lifecycle policy yet",
    ]


def test_a_policy_that_is_there_is_told_from_another_one() -> None:
    now = json.dumps(json.loads(lifecycle_policy(50)), indent=2)
    same = RetentionPreview("acme/shop", 0, Retention((), (), ()), {}, now, 50)
    assert preview_lines(same)[1:] == ["  0 images expire", "  the lifecycle policy is right already"]
    other = RetentionPreview("acme/shop", 0, Retention((), (), ()), {}, now, 40)
    assert preview_lines(other)[-1] == "  the lifecycle policy changes"
