"""What the checks of an application are called on GitHub, also where several applications share one repository.

Alone it has `tidegate` and `tidegate/GATE`. Of several each has `tidegate/APPLICATION` and `tidegate/APPLICATION/GATE`,
and `tidegate` is all of them: what branch protection requires never changes its name.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tasks.domain.delivery.model import Delivery
from tasks.domain.gates.gate import AGGREGATE
from tasks.domain.verdict import Outcome, Verdict, failed, passed, pending
from tasks.domain.wording import counted


@dataclass(frozen=True, slots=True)
class CheckNames:
    """`sharing` are all applications of the repository where there are several, this one included.

    `expected` are those of them that are checked at the same time, because they follow the same branch.
    """

    application: str
    sharing: tuple[str, ...] = ()
    expected: tuple[str, ...] = ()

    @property
    def aggregate(self) -> str:
        """What all gates of this application come to."""
        return self.aggregate_of(self.application)

    def aggregate_of(self, application: str) -> str:
        """The same of another application of the repository."""
        return f"{AGGREGATE}/{application}" if self.sharing else AGGREGATE

    def gates_in(self, statuses: Mapping[str, Verdict]) -> dict[str, Verdict]:
        """This application's gates among what is said of a commit, by their own names."""
        beginning = f"{self.aggregate}/"
        names = sorted(name for name in statuses if name.startswith(beginning))
        return {name.removeprefix(beginning): statuses[name] for name in names}

    def whole(self, statuses: Mapping[str, Verdict]) -> Verdict:
        """What all applications of the repository come to: passed only where each that is expected has passed.

        One that is not expected counts as well once it has said something of the commit.
        """
        said = {name: statuses.get(self.aggregate_of(name)) for name in self.sharing}
        meant = {name: verdict for name, verdict in said.items() if verdict or name in self.expected}
        if bad := [name for name, verdict in meant.items() if verdict and verdict.has_failed]:
            return failed(f"{len(bad)} of {counted(len(meant), 'application')} failed: {', '.join(bad)}.")
        waiting = [name for name, verdict in meant.items() if not verdict or verdict.outcome is Outcome.PENDING]
        if waiting:
            return pending(f"Waiting for {', '.join(waiting)}.")
        return passed(f"All {counted(len(meant), 'application')} passed.")


def check_names(delivery: Delivery, application: str) -> CheckNames:
    """The names under this configuration; raises ConfigurationError for an unknown application."""
    app = delivery.application(application)
    sharing = {
        name: other
        for name, other in delivery.applications.items()
        # GitHub's names differ in nothing but upper and lower case.
        if (other.github, other.repository.casefold()) == (app.github, app.repository.casefold())
    }
    if len(sharing) == 1:
        return CheckNames(application)
    expected = tuple(name for name, other in sharing.items() if other.branch == app.branch)
    return CheckNames(application, tuple(sharing), expected)
