"""What git says about one commit."""

from dataclasses import dataclass
from datetime import datetime

from tasks.domain.errors import ConfigurationError
from tasks.domain.image import COMMIT


@dataclass(frozen=True, slots=True)
class CommitFacts:
    """A commit by its full SHA; raises ConfigurationError for a short one or a time without a zone."""

    sha: str
    author_name: str
    author_email: str
    subject: str
    committed_at: datetime

    def __post_init__(self) -> None:
        if not COMMIT.fullmatch(self.sha):
            raise ConfigurationError(f"commit {self.sha!r} is not a full SHA; give all 40 hexadecimal digits")
        if self.committed_at.tzinfo is None:
            raise ConfigurationError(f"commit {self.sha} has a time without a zone; give the time zone")


@dataclass(frozen=True, slots=True)
class Mainline:
    """How a commit stands to the mainline; `before` are those of its commits that come before, the nearest first."""

    holds_it: bool
    before: tuple[str, ...]
