"""Brings what is there nearer to what is declared, one step a call: what Kubernetes' controllers do, in one pass.

Each change wakes the next pass, so a pass need not be complete.
"""

import time
from dataclasses import dataclass, field

from deployments.sandbox.cluster.counting import count_pods, replicas_in
from deployments.sandbox.cluster.deployment import (
    REVISION,
    next_sizes,
    replica_set_for,
    replicas_of,
    revision_of,
    surge_of,
    template_hash,
)
from deployments.sandbox.cluster.deployment_status import made_progress, status_of
from deployments.sandbox.cluster.pod_status import is_active, is_ready, new_pod
from deployments.sandbox.cluster.progressive_controller import let_services_go, roll_progressively
from deployments.sandbox.cluster.state import Object, ObjectStore, is_owned_by, timestamp

_DEFAULT_HISTORY = 10


@dataclass(slots=True)
class Progress:
    """When each Deployment, by its uid, last came nearer to its end; the API's whole seconds are too coarse for it."""

    moments: dict[str, float] = field(default_factory=dict)

    def note(self, uid: str) -> None:
        """It just did."""
        self.moments[uid] = time.monotonic()

    def idle_seconds(self, uid: str) -> float:
        """For how long it has not."""
        return time.monotonic() - self.moments.setdefault(uid, time.monotonic())


def reconcile(store: ObjectStore, progress: Progress) -> None:
    """One pass over everything."""
    _remove_orphans(store)
    for deployment in store.objects(kind="Deployment"):
        _roll(store, deployment, progress)
    for rollout in store.objects(kind="Rollout"):
        roll_progressively(store, rollout, progress.idle_seconds, progress.note)
    let_services_go(store)
    for replica_set in store.objects(kind="ReplicaSet"):
        _keep_pods(store, replica_set)


def end_pod(store: ObjectStore, pod: Object) -> None:
    """Mark the pod as about to end; it leaves the store when its process has."""

    def mark(live: Object) -> None:
        live["metadata"].setdefault("deletionTimestamp", timestamp())

    store.change("Pod", pod["metadata"]["namespace"], pod["metadata"]["name"], mark)


def _remove_orphans(store: ObjectStore) -> None:
    everything = store.objects()
    uids = {each["metadata"]["uid"] for each in everything}
    for each in everything:
        owners = each["metadata"].get("ownerReferences", [])
        if owners and not any(owner["uid"] in uids for owner in owners):
            if each["kind"] == "Pod":
                end_pod(store, each)
            else:
                store.remove(each["kind"], each["metadata"]["namespace"], each["metadata"]["name"])


def _roll(store: ObjectStore, deployment: Object, progress: Progress) -> None:
    namespace, uid = deployment["metadata"]["namespace"], deployment["metadata"]["uid"]
    owned = [each for each in store.objects(namespace, "ReplicaSet") if is_owned_by(each, deployment)]
    newest = _newest(store, deployment, owned, progress)
    old = sorted((each for each in owned if each["metadata"]["name"] != newest["metadata"]["name"]), key=revision_of)
    pods = store.objects(namespace, "Pod")
    sizes = next_sizes(
        replicas_of(deployment),
        surge_of(deployment),
        replicas_in(newest, pods),
        [replicas_in(each, pods) for each in old],
    )
    for name, size in sizes.items():
        store.change("ReplicaSet", namespace, name, lambda live, size=size: live["spec"].update(replicas=size))  # type: ignore[misc]
    counts = count_pods(newest, [newest, *old], pods)
    before = deployment.get("status") or {}
    status = status_of(deployment, newest["metadata"]["name"], counts, idle_seconds=progress.idle_seconds(uid))
    if made_progress(before, status):
        progress.note(uid)
        status = status_of(deployment, newest["metadata"]["name"], counts, idle_seconds=0)
    store.change("Deployment", namespace, deployment["metadata"]["name"], lambda live: live.update(status=status))
    _forget(store, deployment, old, pods)


def _newest(store: ObjectStore, deployment: Object, owned: list[Object], progress: Progress) -> Object:
    """The ReplicaSet of the present template, which carries the highest revision; made where there is none."""
    namespace, name = deployment["metadata"]["namespace"], deployment["metadata"]["name"]
    its_name = f"{name}-{template_hash(deployment)}"
    known = next((each for each in owned if each["metadata"]["name"] == its_name), None)
    highest = max((revision_of(each) for each in owned), default=0)
    if known is None:
        newest = store.create(replica_set_for(deployment, highest + 1))
    elif revision_of(known) < highest:
        store.change("ReplicaSet", namespace, its_name, lambda live: _set_revision(live, highest + 1))
        newest = store.get("ReplicaSet", namespace, its_name) or known
    else:
        newest = known
    if revision_of(newest) != revision_of(deployment):
        progress.note(deployment["metadata"]["uid"])
        store.change("Deployment", namespace, name, lambda live: _set_revision(live, revision_of(newest)))
    return newest


def _set_revision(live: Object, revision: int) -> None:
    live["metadata"].setdefault("annotations", {})[REVISION] = str(revision)


def _forget(store: ObjectStore, deployment: Object, old: list[Object], pods: list[Object]) -> None:
    limit = deployment["spec"].get("revisionHistoryLimit", _DEFAULT_HISTORY)
    empty = [rs for rs in old if not replicas_of(rs) and not any(is_owned_by(pod, rs) for pod in pods)]
    for replica_set in empty[: max(len(empty) - limit, 0)]:
        metadata = replica_set["metadata"]
        store.remove("ReplicaSet", metadata["namespace"], metadata["name"])


def _keep_pods(store: ObjectStore, replica_set: Object) -> None:
    namespace, name = replica_set["metadata"]["namespace"], replica_set["metadata"]["name"]
    pods = [p for p in store.objects(namespace, "Pod") if is_owned_by(p, replica_set) and is_active(p)]
    spare = len(pods) - replicas_of(replica_set)
    # Those that serve nobody go first, and of these the youngest; the store lists the oldest first.
    youngest_first = pods[::-1]
    for pod in sorted(youngest_first, key=is_ready)[: max(spare, 0)]:
        end_pod(store, pod)
    for _ in range(-spare):
        store.create(new_pod(replica_set))
    ready = sum(is_ready(pod) for pod in pods)
    counts = {
        "fullyLabeledReplicas": len(pods),
        "readyReplicas": ready,
        "availableReplicas": ready,
    }
    status = {"replicas": len(pods), "observedGeneration": replica_set["metadata"]["generation"]}
    status |= {count: number for count, number in counts.items() if number}
    store.change("ReplicaSet", namespace, name, lambda live: live.update(status=status))
