"""How an environment may be told to be changed."""

import pytest
from pydantic import ValidationError

from tasks.domain.delivery.environment import Environment

PLACE = {"argocd": {"application": "shop"}, "manifest": {"file": "values.yaml"}}


def environment(**given: object) -> Environment:
    return Environment.model_validate({**PLACE, **given})


def test_a_promotion_is_pushed_unless_something_else_is_said() -> None:
    assert not environment().write.is_by_pull_request
    assert not environment(write={"labels": ["promotion"]}).write.is_by_pull_request


def test_approvals_are_asked_for_in_prefect_unless_the_pull_request_takes_them() -> None:
    by_pull_request = {"mode": "pull-request"}
    assert not environment(write=by_pull_request, approval={}).write.asks_on_github
    assert environment(write=by_pull_request | {"approval": "pull-request"}, approval={}).write.asks_on_github


@pytest.mark.parametrize(
    "given",
    [
        {"write": {"approval": "pull-request"}, "approval": {}},
        {"write": {"mode": "pull-request", "approval": "pull-request"}},
    ],
    ids=["without a pull request", "without an approval"],
)
def test_approvals_on_a_pull_request_need_both(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="add `mode: pull-request` there, and `approval` to the environment"):
        environment(**given)
