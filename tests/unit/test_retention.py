"""What the GitOps repository names keeps a tag that no rule expires, and loses it only beside another one."""

import json

from tasks.domain.retention import Retention, decide_retention, keep_tag, lifecycle_policy

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
