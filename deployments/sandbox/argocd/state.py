"""The sandbox's Argo CD without its protocol: Applications, accounts, faults, and the loops that reconcile."""

import tempfile
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from deployments.sandbox.argocd.accounts import Accounts
from deployments.sandbox.argocd.cluster import Cluster
from deployments.sandbox.argocd.comparison_loop import ComparisonLoop
from deployments.sandbox.argocd.control_plane import ControlPlane
from deployments.sandbox.argocd.desired import DesiredStates
from deployments.sandbox.argocd.faults import Faults
from deployments.sandbox.argocd.health_loop import HealthLoop
from deployments.sandbox.argocd.observation import Observation
from deployments.sandbox.argocd.operation import OperationLoop
from deployments.sandbox.argocd.parts import Parts
from deployments.sandbox.argocd.repository import Repositories
from deployments.sandbox.argocd.resources import Document
from deployments.sandbox.argocd.status import request_refresh
from deployments.sandbox.argocd.store import ApplicationName, ApplicationStore
from deployments.sandbox.argocd.timing import Timing
from deployments.sandbox.argocd.windows import SyncWindow


class ArgoCDState:
    """Reconciles between `start` and `stop`, or within a `with` block; its mirrors are removed at the end.

    `git_environments` gives, by URL prefix, the environment that git needs to read a repository, such as
    blocks.git_access.git_environment makes. `webhook_secret` is what GitHub signs with; None takes unsigned webhooks.
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        git_environments: Mapping[str, Mapping[str, str]] | None = None,
        timing: Timing | None = None,
        namespace: str = "argocd",
        webhook_secret: str | None = None,
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="sandbox-argocd-")
        self.webhook_secret = webhook_secret
        self.accounts = Accounts()
        self.faults = Faults()
        self.windows: dict[str, list[SyncWindow]] = defaultdict(list)
        self.timing = timing or Timing()
        self.store = ApplicationStore(namespace)
        self.repositories = Repositories(Path(self._folder.name), git_environments or {})
        desired = DesiredStates(self.repositories)
        plane = ControlPlane(cluster, self.store)
        self.parts = Parts(self.store, desired, plane, self.windows, self.faults, self.timing)
        self._healths = HealthLoop(self.parts, {})
        self._comparisons = ComparisonLoop(self.parts, self._healths)
        self._operations = OperationLoop(self.parts, self._comparisons.operation_ended)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to reconcile; Applications that are there already are compared at once."""
        for queue in (self._healths.queue, self._comparisons.queue, self._operations.queue):
            queue.start()

    def stop(self) -> None:
        """End the loops after what they are at, and remove the mirrors; cannot be started again."""
        for queue in (self._comparisons.queue, self._healths.queue, self._operations.queue):
            queue.stop()
        self._folder.cleanup()

    def apply_application(self, manifest: Document) -> ApplicationName:
        """Create an Application or change its spec, as `kubectl apply` would; raises ValueError where it is no one."""
        return self.store.apply(manifest)

    def delete_application(self, name: str, namespace: str | None = None) -> None:
        """Remove an Application and leave what it deployed, as a deletion without cascade does."""
        self.store.delete(self.name(name, namespace))

    def request_refresh(self, name: str, *, hard: bool = False) -> None:
        """Ask for a comparison and do not wait for it, as a webhook does."""
        self.store.update(self.name(name), request_refresh("hard" if hard else "normal"))

    def name(self, name: str, namespace: str | None = None) -> ApplicationName:
        """The whole name; without a namespace it is Argo CD's own."""
        return ApplicationName(namespace or self.store.namespace, name)

    def observation(self, key: ApplicationName) -> Observation:
        """What the controller remembers of the Application."""
        return self._healths.observations.get(key, Observation())
