"""What a run promotes: one candidate, or with a release several that go together, as its parameters say."""

from collections.abc import Mapping
from typing import Any

from tasks.domain.errors import ConfigurationError
from tasks.domain.promotion.release import read_pinned

# The flows whose runs promote something.
PROMOTING = ["promote", "release"]


def candidates_of(parameters: Mapping[str, Any]) -> tuple[dict[str, str], ...]:
    """For each candidate the parameters that a run of promote for it alone would have."""
    candidates = parameters.get("candidates")
    if not isinstance(candidates, Mapping):
        return ({key: value for key, value in parameters.items() if isinstance(value, str)},)
    try:
        pinned = read_pinned(candidates)
    except ConfigurationError:
        # It refuses itself, with the reason; to others it is nothing.
        return ()
    environment = str(parameters.get("environment", ""))
    return tuple(
        {"application": application, "environment": environment, "commit": one.commit, "digest": one.digest}
        for application, one in pinned.items()
    )


def is_release(parameters: Mapping[str, Any]) -> bool:
    """Whether the run is one of the flow release."""
    return "name" in parameters and "application" not in parameters
