"""The loop that compares each Application with git and with its cluster, and starts syncs where the policy says so."""

from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic

from deployments.sandbox.argocd.comparison import Comparison, compare
from deployments.sandbox.argocd.desired import Desired, TargetStateError
from deployments.sandbox.argocd.faults import spend
from deployments.sandbox.argocd.health_loop import HealthLoop
from deployments.sandbox.argocd.hydrator import hydrate
from deployments.sandbox.argocd.observation import Observation, look
from deployments.sandbox.argocd.parts import Parts
from deployments.sandbox.argocd.repository import RepositoryError
from deployments.sandbox.argocd.resources import Document, annotations_of
from deployments.sandbox.argocd.status import (
    REFRESH,
    end_refresh,
    source_fields,
    start_operation,
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


@dataclass(slots=True)
class ComparisonLoop:
    """Compares on a schedule, and at once where a refresh, a change or an operation's end asks for it."""

    parts: Parts
    healths: HealthLoop
    queue: WorkQueue[ApplicationName] = field(init=False)

    def __post_init__(self) -> None:
        self.queue = WorkQueue("argocd-comparisons", self._work)
        self.parts.store.subscribe(self._notice)
        self.parts.cluster.subscribe(self._cluster_changed)

    def operation_ended(self, key: ApplicationName) -> None:
        """An operation's end asks for a comparison with git, soon but not at once."""
        observation = self._observation(key)
        observation.operation_ended = monotonic()
        observation.next_poll = monotonic() + self.parts.timing.after_operation
        self.queue.add(key, self.parts.timing.after_operation)

    def _notice(self, event: WatchEvent) -> None:
        key = name_of(event.application)
        if event.type == "DELETED":
            self.healths.observations.pop(key, None)
        elif event.type == "ADDED" or REFRESH in annotations_of(event.application) or _differs(event.application):
            self.queue.add(key, self.parts.timing.reaction)

    def _cluster_changed(self, *_: object) -> None:
        for key in list(self.healths.observations):
            self.queue.add(key, self.parts.timing.reaction)

    def _observation(self, key: ApplicationName) -> Observation:
        return self.healths.observations.setdefault(key, Observation())

    def _work(self, key: ApplicationName) -> None:
        application = self.parts.store.get(key)
        if application is None:
            return
        observation = self._observation(key)
        is_skipped = annotations_of(application).get(_SKIP) == "true" or self.parts.faults_of(application).stalled
        try:
            if not is_skipped:
                self._compare(key, application, observation)
        finally:
            # Whatever went wrong, the next look on schedule must not be lost with it.
            left = self.parts.timing.comparison_poll if is_skipped else observation.next_poll - monotonic()
            self.queue.add(key, max(left, self.parts.timing.reaction))

    def _compare(self, key: ApplicationName, application: Document, observation: Observation) -> None:
        faults = self.parts.faults_of(application)
        refresh = None if faults.refresh_hangs else annotations_of(application).get(REFRESH)
        if refresh:
            dropped, faults.dropped_refreshes = spend(faults.dropped_refreshes)
            if dropped:
                self.parts.store.update(key, lambda document: end_refresh(document, refresh))
                return
        if refresh == "hard":
            self.parts.desired.forget()
        if refresh or monotonic() >= observation.next_poll or _differs(application):
            observation.next_poll = monotonic() + self.parts.timing.comparison_poll
            self._compare_with_git(key, application, refresh)
        else:
            self._compare_with_cluster(key, application, observation)

    def _compare_with_git(self, key: ApplicationName, application: Document, refresh: str | None) -> None:
        self._compare_revisions(key, application, refresh)
        faults = self.parts.faults_of(application)
        if not application["spec"].get("sourceHydrator") or faults.hydrator_sleeps:
            return
        # Apart from the comparison, as in a real one: what it pushes shows in the next.
        with suppress(RepositoryError):
            if hydrate(self.parts.store, key, self.parts.desired.repositories, faults.failing_hydration):
                self._observation(key).next_poll = monotonic() + self.parts.timing.after_operation

    def _compare_revisions(self, key: ApplicationName, application: Document, refresh: str | None) -> None:
        observation = self._observation(key)
        try:
            desired = self._desired(application)
        except TargetStateError as error:
            # Only who asks by a refresh hears of a git server's hiccups at once.
            recent = observation.since(observation.compared_well) < self.parts.timing.repository_grace
            if refresh or not (error.is_repository and recent):
                self._write_failure(key, str(error), refresh)
            return
        observation.compared_well = monotonic()
        self._write(key, desired, with_git=True, refresh=refresh)

    def _compare_with_cluster(self, key: ApplicationName, application: Document, observation: Observation) -> None:
        """The last revision against the cluster as it is now: the sync status at once, the health after its lag."""
        # What could not be compared with git stays Unknown, whatever the cluster does.
        if observation.comparison and application["status"].get("sync", {}).get("status") != "Unknown":
            self._write(key, observation.comparison.desired, with_git=False)
        self.healths.queue.add(key, self.parts.timing.health_lag)

    def _desired(self, application: Document) -> Desired:
        faults = self.parts.faults_of(application)
        strikes, faults.comparison_errors = spend(faults.comparison_errors)
        if strikes:
            raise TargetStateError(_TIMEOUT, is_repository=False)
        revisions = self.parts.desired.resolve(application)
        return self.parts.desired.at(application, revisions, render_from=faults.render_from)

    def _write(self, key: ApplicationName, desired: Desired, *, with_git: bool, refresh: str | None = None) -> None:
        observation = self._observation(key)
        with observation.writing:
            application = self.parts.store.get(key)
            if application is None:
                return
            comparison = observation.comparison = compare(key.name, desired, self.parts.cluster)
            decision = self._decide(application, comparison, observation)
            error = decision.message if isinstance(decision, ReportSyncError) else None
            health, changes_in = look(application, observation, self.parts) if with_git else (None, None)

            def change(document: Document) -> None:
                write_comparison(document, comparison, error)
                if health:
                    write_health(document, health, observation.tree.summary)
                    write_reconciled(document, refresh)

            self.parts.store.update(key, change)
        if changes_in:
            self.healths.queue.add(key, changes_in)
        match decision:
            case StartSync(operation):
                self.parts.store.update(key, lambda document: start_operation(document, operation))
            case LookAgain(seconds):
                self.queue.add(key, seconds)

    def _write_failure(self, key: ApplicationName, message: str, refresh: str | None) -> None:
        observation = self._observation(key)
        with observation.writing:
            application = self.parts.store.get(key)
            if application is None:
                return
            health, _ = look(application, observation, self.parts)

            def change(document: Document) -> None:
                write_failure(document, message)
                write_health(document, health, observation.tree.summary)
                write_reconciled(document, refresh)

            self.parts.store.update(key, change)

    def _decide(
        self, application: Document, comparison: Comparison, observation: Observation
    ) -> StartSync | ReportSyncError | LookAgain | None:
        since_last = observation.since(observation.operation_ended)
        scale = self.parts.timing.retry_scale
        decision = decide_sync(application, comparison, since_last=since_last, scale=scale)
        if isinstance(decision, StartSync):
            if not self.parts.may_sync(application, manual=False):
                return None
            faults = self.parts.faults_of(application)
            is_skipped, faults.skipped_auto_syncs = spend(faults.skipped_auto_syncs)
            return None if is_skipped else decision
        return decision


def _differs(application: Document) -> bool:
    """Whether the spec wants other sources than those that were compared last."""
    compared = (application["status"].get("sync") or {}).get("comparedTo")
    wanted = source_fields(application)
    return compared is not None and any(compared.get(name) != value for name, value in wanted.items())
