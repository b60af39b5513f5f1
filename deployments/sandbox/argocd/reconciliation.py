"""The loops that compare each Application with git and with its cluster, and that follow its health.

Both leave operations to the loop of their own in deployments.sandbox.argocd.operation.
"""

import threading
import time
from dataclasses import dataclass, field
from enum import IntEnum

from deployments.sandbox.argocd.comparison import Comparison, compare
from deployments.sandbox.argocd.desired import Desired, TargetStateError
from deployments.sandbox.argocd.faults import spend
from deployments.sandbox.argocd.observation import Observation, look_at
from deployments.sandbox.argocd.parts import Parts
from deployments.sandbox.argocd.resources import Document, annotations_of
from deployments.sandbox.argocd.status import (
    REFRESH,
    end_refresh,
    write_comparison,
    write_failure,
    write_health,
    write_reconciled,
)
from deployments.sandbox.argocd.store import ApplicationName, WatchEvent, name_of
from deployments.sandbox.argocd.sync_policy import LookAgain, ReportSyncError, StartSync, decide_sync
from deployments.sandbox.argocd.work import WorkQueue

_SKIP = "argocd.argoproj.io/skip-reconcile"
_TIMEOUT = "failed to generate manifest for source 1 of 1: rpc error: code = DeadlineExceeded desc = deadline exceeded"


class Level(IntEnum):
    """How much a comparison looks at afresh; the numbers are Argo CD's."""

    CLUSTER = 1
    BACKGROUND = 2
    FORCED = 3


@dataclass(slots=True)
class Reconciler:
    """Compares every Application on a schedule, and at once where a refresh, a change or an operation's end asks."""

    parts: Parts
    comparisons: WorkQueue[ApplicationName] = field(init=False)
    healths: WorkQueue[ApplicationName] = field(init=False)
    _observations: dict[ApplicationName, Observation] = field(default_factory=dict)
    _writing: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.comparisons = WorkQueue("argocd-comparisons", self._compare)
        self.healths = WorkQueue("argocd-healths", self._follow_health)
        self.parts.store.subscribe(self._notice)
        self.parts.cluster.subscribe(self._cluster_changed)

    def observation(self, key: ApplicationName) -> Observation:
        """What is remembered of the Application, for the server to read."""
        return self._observations.setdefault(key, Observation())

    def operation_ended(self, key: ApplicationName) -> None:
        """An operation's end asks for a comparison with git, soon but not at once."""
        observation = self.observation(key)
        observation.operation_ended = time.monotonic()
        observation.next_poll = time.monotonic() + self.parts.timing.after_operation
        self.comparisons.add(key, self.parts.timing.after_operation)

    def _notice(self, event: WatchEvent) -> None:
        key = name_of(event.application)
        if event.type == "DELETED":
            self._observations.pop(key, None)
        elif event.type == "ADDED" or REFRESH in annotations_of(event.application):
            self.comparisons.add(key, self.parts.timing.reaction)

    def _cluster_changed(self, *_: object) -> None:
        for key in list(self._observations):
            self.comparisons.add(key, self.parts.timing.reaction)

    def _compare(self, key: ApplicationName) -> None:
        application = self.parts.store.get(key)
        if application is None:
            return
        observation = self.observation(key)
        faults = self.parts.faults_of(application)
        if not faults.stalled and annotations_of(application).get(_SKIP) != "true":
            self._compare_at_level(key, application, observation)
        if (left := observation.next_poll - time.monotonic()) <= 0:
            left = self.parts.timing.comparison_poll
        self.comparisons.add(key, left)

    def _compare_at_level(self, key: ApplicationName, application: Document, observation: Observation) -> None:
        faults = self.parts.faults_of(application)
        refresh = annotations_of(application).get(REFRESH) if not faults.refresh_hangs else None
        if refresh:
            dropped, faults.dropped_refreshes = spend(faults.dropped_refreshes)
            if dropped:
                self.parts.store.update(key, lambda document: end_refresh(document, refresh))
                return
        if refresh == "hard":
            self.parts.desired.forget()
        is_due = time.monotonic() >= observation.next_poll or observation.comparison is None
        level = Level.FORCED if refresh else Level.BACKGROUND if is_due else Level.CLUSTER
        if level is Level.CLUSTER:
            self._compare_with_cluster(key, application, observation)
        else:
            observation.next_poll = time.monotonic() + self.parts.timing.comparison_poll
            self._compare_with_git(key, application, level)

    def _compare_with_cluster(self, key: ApplicationName, application: Document, observation: Observation) -> None:
        """The last revision against the cluster as it is now: the sync status at once, the health after its lag."""
        # What could not be compared with git stays Unknown, whatever the cluster does.
        if observation.comparison and application["status"].get("sync", {}).get("status") != "Unknown":
            comparison = compare(key.name, observation.comparison.desired, self.parts.cluster)
            observation.comparison = comparison
            self._write(key, comparison, refresh=None, level=Level.CLUSTER)
        self.healths.add(key, self.parts.timing.health_lag)

    def _compare_with_git(self, key: ApplicationName, application: Document, level: Level) -> None:
        observation, refresh = self.observation(key), annotations_of(application).get(REFRESH)
        refresh = refresh if level is Level.FORCED else None
        try:
            desired = self._desired(application)
        except TargetStateError as error:
            good = observation.compared_well
            is_recent = good is not None and time.monotonic() - good < self.parts.timing.repository_grace
            if error.is_repository and is_recent and level is Level.BACKGROUND:
                return
            self._write_failure(key, str(error), refresh)
            return
        observation.comparison = compare(key.name, desired, self.parts.cluster)
        observation.compared_well = time.monotonic()
        self._write(key, observation.comparison, refresh=refresh, level=level)

    def _desired(self, application: Document) -> Desired:
        faults = self.parts.faults_of(application)
        strikes, faults.comparison_errors = spend(faults.comparison_errors)
        if strikes:
            raise TargetStateError(_TIMEOUT, is_repository=False)
        revisions = self.parts.desired.resolve(application)
        return self.parts.desired.at(application, revisions, render_from=faults.render_from)

    def _write(self, key: ApplicationName, comparison: Comparison, *, refresh: str | None, level: Level) -> None:
        with self._writing:
            application = self.parts.store.get(key)
            if application is None:
                return
            decision = self._decide(key, application, comparison)
            error = decision.message if isinstance(decision, ReportSyncError) else None
            look = self._look(key, application) if level > Level.CLUSTER else None

            def change(document: Document) -> None:
                write_comparison(document, comparison, error)
                if look:
                    write_health(document, look)
                    write_reconciled(document, refresh)

            self.parts.store.update(key, change)
        if isinstance(decision, StartSync):
            self.parts.store.update(key, lambda document: start_operation(document, decision.operation))

    def _decide(
        self, key: ApplicationName, application: Document, comparison: Comparison
    ) -> StartSync | ReportSyncError | None:
        ended = self.observation(key).operation_ended
        since_last = time.monotonic() - ended if ended is not None else float("inf")
        scale = self.parts.timing.retry_scale
        decision = decide_sync(application, comparison, since_last=since_last, scale=scale)
        if isinstance(decision, LookAgain):
            self.comparisons.add(key, decision.seconds)
            return None
        if isinstance(decision, StartSync) and not self.parts.may_sync(application, manual=False):
            return None
        return decision
