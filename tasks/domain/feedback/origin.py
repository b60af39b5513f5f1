"""Which run of which application a check run on GitHub is from; GitHub keeps it and hands it back."""

import re
from dataclasses import dataclass

_TEXT = re.compile(r"([a-z0-9][a-z0-9.-]{0,62})(?:#([1-9]\d{0,9}))?@([0-9a-f-]{1,36})")


@dataclass(frozen=True, slots=True)
class Origin:
    """The application, the pull request where the commit is checked for one, and the flow run."""

    application: str
    pull_request: int | None
    run_id: str

    def __str__(self) -> str:
        about = f"#{self.pull_request}" if self.pull_request else ""
        return f"{self.application}{about}@{self.run_id}"


def parse_origin(text: str) -> Origin | None:
    """The origin in a check run's external id; None where it is not one of ours."""
    found = _TEXT.fullmatch(text)
    return Origin(found[1], int(found[2]) if found[2] else None, found[3]) if found else None
