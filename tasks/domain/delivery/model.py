"""The delivery configuration as values: applications, environments and their graph.

The text is read and checked in tasks.domain.delivery.text, which also says file, line and key of each mistake. Names
in the file are these field names in kebab-case; all durations are whole seconds.
"""

from collections.abc import Iterator
from typing import Literal, Self

from pydantic import Field, model_validator

from tasks.domain.configuration.checked_text import Name, Path
from tasks.domain.configuration.part import Part
from tasks.domain.delivery.application import Application
from tasks.domain.delivery.environment import Environment
from tasks.domain.delivery.release import Release
from tasks.domain.delivery.window import Freeze
from tasks.domain.errors import ConfigurationError


class Delivery(Part):
    """The whole configuration; cannot exist with an environment that needs an unknown one or itself."""

    version: Literal[1] = Field(description="The version of this format.")
    waivers: Path | None = Field(
        None, description="The file of waivers, beside this one; left out: waivers.yaml, where there is one."
    )
    applications: dict[Name, Application] = Field(min_length=1, description="What is delivered, by name.")
    environments: dict[Name, Environment] = Field(min_length=1, description="Where it is delivered to, by name.")
    releases: dict[Name, Release] = Field(default_factory=dict, description="Applications that go together, by name.")
    freezes: tuple[Freeze, ...] = Field((), description="Times in which nothing is promoted.")

    @model_validator(mode="after")
    def _is_a_graph(self) -> Self:
        for _ in self.order():
            pass
        return self

    def order(self) -> Iterator[str]:
        """The environments' names, each after all that it needs; raises ValueError on a cycle."""
        done: list[str] = []
        while len(done) < len(self.environments):
            ready = [n for n, e in self.environments.items() if n not in done and set(e.needs) <= set(done)]
            if not ready:
                left = sorted(set(self.environments) - set(done))
                raise ValueError(f"environments {', '.join(left)} need each other or an unknown one; break the circle")
            done += ready
        return iter(done)

    def application(self, name: str) -> Application:
        """The application of this name; raises ConfigurationError that lists the known ones."""
        if name not in self.applications:
            raise ConfigurationError(f"unknown application {name!r}; known: {', '.join(self.applications)}")
        return self.applications[name]

    def environment(self, name: str, application: str) -> Environment:
        """The environment with {application} filled in.

        Raises ConfigurationError, with what is known, where one of both is unknown or the one does not hold the other.
        """
        self.application(application)
        if name not in self.environments:
            raise ConfigurationError(f"unknown environment {name!r}; known: {', '.join(self.environments)}")
        if not self.environments[name].holds(application):
            places = ", ".join(self.environments_of(application)) or "none"
            raise ConfigurationError(
                f"environment {name!r} does not hold application {application!r}; it has a place in: {places}"
            )
        return self.environments[name].for_application(application)

    def environments_of(self, application: str) -> tuple[str, ...]:
        """Every environment that holds the application, each after all that it needs."""
        return tuple(name for name in self.order() if self.environments[name].holds(application))

    def first_environments(self, application: str) -> tuple[str, ...]:
        """Where a new candidate goes at once: the application's environments that need no other."""
        return tuple(name for name in self.environments_of(application) if not self.environments[name].needs)

    def next_environments(self, application: str, environment: str) -> tuple[str, ...]:
        """The application's environments that need this one directly."""
        return tuple(name for name in self.environments_of(application) if environment in self.environments[name].needs)

    def release(self, name: str, environment: str) -> Release:
        """The release of this name; raises ConfigurationError where it is unknown, or does not go there."""
        if name not in self.releases:
            known = ", ".join(self.releases) or "none"
            raise ConfigurationError(f"unknown release {name!r}; known: {known} (`releases` in the configuration)")
        places = self.releases[name].environments
        if environment not in places:
            raise ConfigurationError(f"release {name!r} does not go to {environment!r}, only to: {', '.join(places)}")
        return self.releases[name]

    def release_of(self, application: str, environment: str) -> str | None:
        """The release without which the application does not go to the environment; None where it goes alone."""
        return next(
            (
                name
                for name, release in self.releases.items()
                if application in release.applications and environment in release.environments
            ),
            None,
        )
