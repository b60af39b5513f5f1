"""The stop switch of an environment: an incident stops every promotion to it, until somebody lets them go again.

It stands in the GitOps repository's history as the trailers of empty commits, where everybody sees it and nothing
loses it; the newest one counts. Rollbacks do not ask for it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from tasks.domain.errors import ConfigurationError
from tasks.domain.promotion.history import one_line, read_trailers

LINE = "Tidegate-Promotions: "
_STOPPED, _RUNNING = "stopped", "running"


@dataclass(frozen=True, slots=True)
class Switch:
    """One turn of it, `by` somebody's word; `revision` and `when` are the commit's, once there is one."""

    environment: str
    is_stopped: bool
    by: str
    reason: str
    revision: str = ""
    when: datetime | None = None

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise ConfigurationError("the reason is empty; say in a sentence why, it is kept in the commit")

    @property
    def why(self) -> str:
        """A sentence for whoever waits."""
        since = f" since {self.when.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if self.when else ""
        return (
            f"promotions to {self.environment} are stopped{since} by {self.by}: {self.reason}; "
            f"`tidegate go {self.environment}` lets them go again"
        )


def switch_message(switch: Switch) -> str:
    """The commit message; no text in it can pass for another trailer."""
    verb = "Stop" if switch.is_stopped else "Let go"
    lines = (
        f"Tidegate-Environment: {switch.environment}",
        f"{LINE}{_STOPPED if switch.is_stopped else _RUNNING}",
        f"Tidegate-By: {one_line(switch.by)}",
        f"Tidegate-Reason: {one_line(switch.reason)}",
    )
    return f"{verb} the promotions to {switch.environment}\n\n" + "".join(f"{line}\n" for line in lines)


def find_switches(commits: Iterable[tuple[str, str, datetime]], environment: str) -> tuple[Switch, ...]:
    """The turns of this environment's switch, in the order of the commits, which are message, SHA and time."""
    return tuple(found for commit in commits if (found := _parse(*commit, environment)))


def _parse(message: str, revision: str, when: datetime, environment: str) -> Switch | None:
    trailers = read_trailers(message) or {}
    state = trailers.get("Promotions")
    if trailers.get("Environment") != environment or state not in {_STOPPED, _RUNNING}:
        return None
    by, reason = trailers.get("By", "somebody"), trailers.get("Reason", "no reason was given")
    return Switch(environment, state == _STOPPED, by, reason or "no reason was given", revision, when)
