"""A promotion as GitHub shows it under its environments.

https://docs.github.com/rest/deployments/deployments
"""

from dataclasses import dataclass
from enum import StrEnum

from tasks.domain.feedback.text import LONGEST_DESCRIPTION, cut


class DeploymentState(StrEnum):
    """How far it has come."""

    IN_PROGRESS = "in_progress"
    SUCCESS = "success"
    FAILURE = "failure"
    INACTIVE = "inactive"


@dataclass(frozen=True, slots=True)
class DeploymentNote:
    """One promotion of one commit to one environment, by one flow run; `is_last` where no environment follows."""

    application: str
    environment: str
    commit: str
    digest: str
    run_id: str
    run_url: str
    environment_url: str | None
    is_last: bool

    @property
    def task(self) -> str:
        """Tells the promotions of several applications of one repository apart."""
        return f"promote:{self.application}"

    @property
    def body(self) -> dict[str, object]:
        """As GitHub takes it: nothing is merged, and our own gates are the contexts that were required."""
        return {
            "ref": self.commit,
            "task": self.task,
            "auto_merge": False,
            "required_contexts": [],
            "payload": {"digest": self.digest, "run": self.run_id, "application": self.application},
            "environment": self.environment,
            "description": cut(f"{self.application} {self.commit[:7]} to {self.environment}", LONGEST_DESCRIPTION),
            "transient_environment": False,
            "production_environment": self.is_last,
        }

    def status(self, state: DeploymentState, said: str) -> dict[str, object]:
        """A status as GitHub takes it; addresses that it would refuse are left out."""
        links = {"log_url": self.run_url, "environment_url": self.environment_url or ""}
        return {
            "state": str(state),
            "description": cut(said, LONGEST_DESCRIPTION),
            "environment": self.environment,
            **{name: url for name, url in links.items() if url.startswith(("http://", "https://"))},
        }
