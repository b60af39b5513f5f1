"""What an event comes to: runs to start, runs to cancel, or nothing, with the reason."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Asked(StrEnum):
    """What a person wants of us on GitHub; whether they may is decided where GitHub can be asked."""

    ADMIT = "admit"
    RETEST = "retest"
    OK_TO_TEST = "ok-to-test"
    RERUN = "rerun"
    RERUN_ALL = "rerun-all"
    REPLY = "reply"


@dataclass(frozen=True, slots=True)
class StartIntegrate:
    """One run of the integrate flow to start; with a pull request's number it is checked only.

    `moment` is when the pull request was as it is told, as GitHub writes it; runs that were asked for before that are
    not wanted any more.
    """

    application: str
    commit: str
    pull_request: int | None = None
    moment: str = ""

    @property
    def name(self) -> str:
        """How people see the run in a list."""
        return f"{self.application} {self.commit[:7]}"

    @property
    def parameters(self) -> dict[str, object]:
        """What the integrate flow is called with."""
        return {"application": self.application, "commit": self.commit, "pull_request": self.pull_request}

    @property
    def tags(self) -> tuple[str, ...]:
        """By what the run is found again."""
        pull_request = (f"pr:{self.pull_request}",) if self.pull_request else ()
        return (f"application:{self.application}", f"commit:{self.commit[:7]}", *pull_request)


@dataclass(frozen=True, slots=True)
class StartAnswer:
    """One run of the answer flow to start: it asks GitHub who the person is, and does what they may ask for.

    Where only a reply is wanted, `said` is why a command was not followed; `question` is the question of a promotion
    that a decision was handed to.
    """

    applications: tuple[str, ...]
    asked: Asked
    person: str
    pull_request: int | None = None
    commit: str | None = None
    comment: int | None = None
    said: str = ""
    question: str = ""

    @property
    def application(self) -> str:
        """Stands for all of them where there can be one only."""
        return self.applications[0]

    @property
    def name(self) -> str:
        """How people see the run in a list."""
        return f"{self.asked} {f'#{self.pull_request}' if self.pull_request else (self.commit or '')[:7]}"

    @property
    def parameters(self) -> dict[str, object]:
        """What the answer flow is called with."""
        return {
            "applications": list(self.applications),
            "asked": str(self.asked),
            "person": self.person,
            "pull_request": self.pull_request,
            "commit": self.commit,
            "comment": self.comment,
            "said": self.said,
            "question": self.question,
        }

    @property
    def tags(self) -> tuple[str, ...]:
        """By what the run is found again."""
        counted = (f"retest:{self.pull_request}",) if self.asked is Asked.RETEST else ()
        return (*(f"application:{name}" for name in self.applications), *counted)


@dataclass(frozen=True, slots=True)
class CancelChecks:
    """Nobody needs the checks of a pull request any more."""

    applications: tuple[str, ...]
    pull_request: int
    reason: str


@dataclass(frozen=True, slots=True)
class Decide:
    """A person's answer to a promotion that waits for one; `commit` is the beginning of the SHA that they mean.

    Who they are GitHub has said, with the webhook's signature; whether they may, the promotion says.
    """

    applications: tuple[str, ...]
    decision: Literal["approve", "reject"]
    environment: str
    commit: str
    person: str
    comment: str
    pull_request: int
    comment_id: int

    def reply(self, said: str = "", question: str = "") -> StartAnswer:
        """The run that tells the person what came of it."""
        where = (self.pull_request, None, self.comment_id)
        return StartAnswer(self.applications, Asked.REPLY, self.person, *where, said=said, question=question)


@dataclass(frozen=True, slots=True)
class Ignore:
    """Nothing is started, and why."""

    reason: str


# Several applications may live in one repository; each is integrated by a run of its own.
EventDecision = tuple[StartIntegrate, ...] | StartAnswer | CancelChecks | Decide | Ignore
