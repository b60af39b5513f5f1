"""SonarQube's webhook: what it says, and which commit's runs it is news for.

https://docs.sonarsource.com/sonarqube-server/latest/project-administration/webhooks
"""

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, Field

from tasks.domain.delivery.model import Delivery
from tasks.domain.event.asked import Ignore


class Project(BaseModel):
    """The project that was analysed."""

    key: str


class Analysed(BaseModel):
    """The part of the payload that matters here; its word on the quality gate is not taken.

    `task` is not there where a person changed an issue, and `revision` where nothing could be computed.
    """

    task: Annotated[str | None, Field(alias="taskId", pattern=r"^[A-Za-z0-9_-]{1,64}$")] = None
    revision: Annotated[str | None, Field(max_length=100)] = None
    project: Project


@dataclass(frozen=True, slots=True)
class News:
    """SonarQube has computed this task, an analysis of this commit."""

    commit: str
    task: str


def decide_analysed(event: Analysed, delivery: Delivery) -> News | Ignore:
    """Whether a run may wait for it."""
    if not _may_be_ours(event.project.key, delivery):
        return Ignore("no application is analysed as this project")
    if event.task is None:
        return Ignore("a person changed an issue, for which nothing waits")
    if not event.revision:
        return Ignore("it names no commit; whoever waits for it will ask")
    return News(event.revision, event.task)


def _may_be_ours(project: str, delivery: Delivery) -> bool:
    checks = [check for application in delivery.applications.values() for check in application.checks.values()]
    named = {check.sonarqube.project for check in checks if check.sonarqube}
    # Which project a command of somebody's own analyses is not known here.
    return project in named or any(check.command and check.reports.sonarqube for check in checks)
