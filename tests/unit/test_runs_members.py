"""What a run promotes, by its parameters alone."""

import pytest

from tasks.runs.members import candidates_of, is_release

COMMIT, DIGEST = "c" * 40, "sha256:" + "ab" * 32
ALONE = {"application": "shop-api", "environment": "production", "commit": COMMIT, "digest": DIGEST}


def test_a_release_is_to_others_a_promotion_of_each_of_its_members() -> None:
    candidates = dict.fromkeys(("shop-api", "shop-web"), f"{COMMIT}@{DIGEST}")
    parameters = {"name": "shop", "environment": "production", "candidates": candidates}
    assert candidates_of(parameters) == (ALONE, ALONE | {"application": "shop-web"})
    assert (is_release(parameters), is_release(ALONE)) == (True, False)


def test_what_is_no_release_is_its_own_parameters_as_far_as_they_are_texts() -> None:
    assert candidates_of(ALONE | {"fresh": True, "pull_request": None}) == (ALONE,)


@pytest.mark.parametrize("candidate", ["", "main", None, 3])
def test_candidates_that_nobody_can_read_are_nothing_to_others(candidate: object) -> None:
    parameters = {"name": "shop", "environment": "production", "candidates": {"shop-api": candidate}}
    assert candidates_of(parameters) == ()
