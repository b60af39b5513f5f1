"""One application in one environment, with everything needed to reach it; loaded anew in every run."""

from dataclasses import dataclass

from blocks.argocd import ArgoCDServer
from blocks.github import GitHub
from blocks.gitops import GitOpsRepository
from blocks.registry import ContainerRegistry
from blocks.signing import SigningKey
from flows.places.loading import load_block
from tasks.delivery import read_delivery
from tasks.domain.delivery.application import Application
from tasks.domain.delivery.environment import Environment
from tasks.domain.delivery.model import Delivery


@dataclass(frozen=True, slots=True)
class Place:
    """The configuration of both, and the blocks that the configuration names."""

    delivery: Delivery
    application: str
    environment: str
    app: Application
    env: Environment
    github: GitHub
    registry: ContainerRegistry
    gitops: GitOpsRepository
    argocd: ArgoCDServer
    signing: SigningKey | None = None

    @property
    def image_repository(self) -> str:
        """The application's image without tag and digest."""
        return f"{self.registry.host}/{self.app.image}"

    def sibling(self, environment: str) -> "Place":
        """The same application in another environment."""
        return load_place(self.application, environment, self.delivery)


def load_place(application: str, environment: str, delivery: Delivery | None = None) -> Place:
    """Raises ConfigurationError for an unknown application or environment, or a block never registered."""
    known = delivery or read_delivery()
    app = known.application(application)
    env = known.environment(environment, application)
    return Place(
        delivery=known,
        application=application,
        environment=environment,
        app=app,
        env=env,
        github=load_block(GitHub, app.github),
        registry=load_block(ContainerRegistry, app.registry),
        gitops=load_block(GitOpsRepository, env.gitops),
        argocd=load_block(ArgoCDServer, env.argocd.server),
        signing=load_block(SigningKey, app.proof.key) if app.proof else None,
    )
