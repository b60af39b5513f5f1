"""What the loops and the protocol work with, in one value."""

from dataclasses import dataclass
from datetime import UTC, datetime

from deployments.sandbox.argocd.cluster import Cluster
from deployments.sandbox.argocd.desired import DesiredStates
from deployments.sandbox.argocd.faults import ApplicationFaults, Faults
from deployments.sandbox.argocd.resources import Document
from deployments.sandbox.argocd.store import ApplicationStore
from deployments.sandbox.argocd.timing import Timing
from deployments.sandbox.argocd.windows import SyncWindow, may_sync

_DENIED_BY_FAULT = SyncWindow(kind="deny", schedule="* * * * *", duration="1h")


@dataclass(frozen=True, slots=True)
class Parts:
    """The Applications, where they come from, where they go, and what stands in their way."""

    store: ApplicationStore
    desired: DesiredStates
    cluster: Cluster
    windows: dict[str, list[SyncWindow]]
    """The sync windows of each project."""
    faults: Faults
    timing: Timing

    def faults_of(self, application: Document) -> ApplicationFaults:
        """What is switched on for the Application."""
        return self.faults.of(application["metadata"]["name"])

    def windows_of(self, application: Document) -> list[SyncWindow]:
        """The windows that are for the Application, one that a fault opens included."""
        name = application["metadata"]["name"]
        found = [window for window in self.windows.get(application["spec"]["project"], []) if window.is_for(name)]
        return found + [_DENIED_BY_FAULT] * self.faults_of(application).sync_window_denies

    def active_windows_of(self, application: Document) -> list[SyncWindow]:
        """Those of them that are open now."""
        return [window for window in self.windows_of(application) if window.is_active(datetime.now(UTC))]

    def may_sync(self, application: Document, *, manual: bool) -> bool:
        """Whether the windows let a sync of the Application through now."""
        return may_sync(self.windows_of(application), datetime.now(UTC), manual=manual)
