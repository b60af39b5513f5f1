"""A pull request as GitHub shows it at this moment."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PullRequestFacts:
    """What decisions about a pull request need; `is_fork` also where the fork has been deleted."""

    number: int
    head: str
    base_branch: str
    author: str
    is_open: bool
    is_draft: bool
    is_fork: bool
    head_branch: str = ""

    def moved_on_from(self, commit: str) -> str | None:
        """Why the commit is not what it asks to merge any more; None where it is."""
        if not self.is_open:
            return f"Pull request {self.number} is closed."
        if self.head != commit:
            return f"Pull request {self.number} has moved on to {self.head[:7]}."
        return None
