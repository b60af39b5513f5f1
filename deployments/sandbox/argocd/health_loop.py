"""The loop that follows the health of each Application, some time after its cluster has changed."""

from dataclasses import dataclass, field

from deployments.sandbox.argocd.comparison import compare
from deployments.sandbox.argocd.observation import Observations, look
from deployments.sandbox.argocd.parts import Parts
from deployments.sandbox.argocd.status import write_health
from deployments.sandbox.argocd.store import ApplicationName
from deployments.sandbox.argocd.work import WorkQueue


@dataclass(slots=True)
class HealthLoop:
    """Writes health and summary and nothing else; the sync status is the comparison loop's."""

    parts: Parts
    observations: Observations
    queue: WorkQueue[ApplicationName] = field(init=False)

    def __post_init__(self) -> None:
        self.queue = WorkQueue("argocd-healths", self._follow)

    def _follow(self, key: ApplicationName) -> None:
        observation = self.observations.get(key)
        if observation is None:
            return
        with observation.writing:
            application = self.parts.store.get(key)
            if application is None:
                return
            if observation.comparison:
                desired = observation.comparison.desired
                observation.comparison = compare(key.name, desired, self.parts.cluster)
            health, changes_in = look(application, observation, self.parts)
            summary = observation.tree.summary
            self.parts.store.update(key, lambda document: write_health(document, health, summary))
        if changes_in:
            self.queue.add(key, changes_in)
