"""One application with everything needed to check and build it; loaded anew in every run."""

from dataclasses import dataclass

from prefect_docker import DockerHost

from blocks.github import GitHub
from blocks.registry import ContainerRegistry
from blocks.signing import SigningKey
from blocks.sonarqube import SonarQubeServer
from flows.places.loading import load_block
from tasks.delivery import read_delivery, read_waivers
from tasks.domain.delivery.application import Application
from tasks.domain.delivery.model import Delivery
from tasks.domain.gates.waiver import Waiver, waivers_for


@dataclass(frozen=True, slots=True)
class Workshop:
    """The application's configuration, and the blocks that it names."""

    delivery: Delivery
    application: str
    app: Application
    github: GitHub
    registry: ContainerRegistry
    engine: DockerHost
    signing: SigningKey | None
    sonarqube: SonarQubeServer | None
    waivers: tuple[Waiver, ...]

    def commit_url(self, commit: str) -> str:
        """Where a person looks at the commit."""
        return f"{self.github.web_url}/{self.app.repository}/commit/{commit}"


def load_workshop(application: str) -> Workshop:
    """Raises ConfigurationError for an unknown application or a block that was never registered."""
    delivery = read_delivery()
    app = delivery.application(application)
    asks_sonarqube = any(check.sonarqube or check.reports.sonarqube for check in app.checks.values())
    return Workshop(
        delivery=delivery,
        application=application,
        app=app,
        github=load_block(GitHub, app.github),
        registry=load_block(ContainerRegistry, app.registry),
        engine=load_block(DockerHost, app.build.engine),
        signing=load_block(SigningKey, app.proof.key) if app.proof else None,
        sonarqube=load_block(SonarQubeServer, app.sonarqube) if asks_sonarqube else None,
        waivers=waivers_for(application, read_waivers(delivery)),
    )
