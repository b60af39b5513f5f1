"""What a check is given and where it runs: on the worker itself, or in a container of its engine."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from prefect_docker import DockerHost

from tasks.domain.errors import ConfigurationError
from tasks.domain.gates.check import Check
from tasks.domain.gates.isolation import Container


@dataclass(frozen=True, slots=True)
class Apart:
    """How checks of one run are kept apart; `environment` is added to the clean one, `cache` is the run's own copy.

    Without a `container` a check runs on the worker, as `user`.
    """

    environment: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    container: Container | None = None
    engine: DockerHost | None = None
    cache: Path | None = None

    def container_of(self, check: Check) -> tuple[DockerHost, Container] | None:
        """The container that this check runs in, with its engine; raises ConfigurationError where there is none."""
        container = check.container or self.container
        if container is None:
            return None
        if self.engine is None:
            raise ConfigurationError("a check asks for a container, but no engine is named; set `isolation.engine`")
        return self.engine, container
