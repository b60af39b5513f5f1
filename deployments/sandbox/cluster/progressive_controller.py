"""Brings an Argo Rollout one step further: the controller's part. Its other half is progressive, which decides."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from deployments.sandbox.cluster.counting import count_pods, replicas_in
from deployments.sandbox.cluster.deployment import Replicas, replica_set_for, replicas_of, revision_of, template_hash
from deployments.sandbox.cluster.deployment_status import Pods, made_progress
from deployments.sandbox.cluster.pod_status import is_active, is_ready
from deployments.sandbox.cluster.progressive import (
    HASH,
    REVISION,
    begin,
    canary_sizes,
    is_stable,
    phase_of,
    surge_of,
    switch_over,
    take_steps,
    weight_now,
)
from deployments.sandbox.cluster.state import Object, ObjectStore, is_owned_by, timestamp

_DEADLINE_SECONDS = 600
_SCALE_DOWN = "scale-down-deadline"
_SCALE_DOWN_SECONDS = 30


@dataclass(frozen=True, slots=True)
class _Sets:
    """The ReplicaSets of a Rollout: of the present template, of the one that serves everybody, and of none of both."""

    newest: Object
    stable: Object | None
    others: list[Object]
    pods: list[Object]

    def count(self) -> Pods:
        stable = [self.stable] if self.stable else []
        return count_pods(self.newest, [self.newest, *stable, *self.others], self.pods)


def roll_progressively(
    store: ObjectStore, rollout: Object, idle_seconds: Callable[[str], float], note: Callable[[str], None]
) -> None:
    """One pass: note a new template, take the step that is due, set the sizes, and tell the status."""
    namespace, name, uid = (rollout["metadata"][part] for part in ("namespace", "name", "uid"))
    before = rollout.get("status") or {}
    status, now = dict(before), datetime.now(UTC)
    begin(rollout, status, template_hash(rollout))
    sets = _sets_of(store, rollout, status)
    if rollout["spec"].get("paused"):
        sizes = {}
    elif "canary" in rollout["spec"]["strategy"]:
        sizes = _canary(rollout, status, sets, now)
    else:
        sizes = _blue_green(store, rollout, status, sets, now)
    for set_name, size in sizes.items():
        store.change("ReplicaSet", namespace, set_name, lambda live, size=size: live["spec"].update(replicas=size))  # type: ignore[misc]
    _restart(store, rollout, status, sets)
    _tell(rollout, status, sets.count())
    if made_progress(before, status) or before.get("currentStepIndex") != status.get("currentStepIndex"):
        note(uid)
    has_to_move = not status.get("pauseConditions") and not is_stable(status)
    timed_out = has_to_move and idle_seconds(uid) > rollout["spec"].get("progressDeadlineSeconds", _DEADLINE_SECONDS)
    status["phase"], status["message"] = phase_of(rollout, status, sets.count(), timed_out=timed_out)
    store.change("Rollout", namespace, name, lambda live: live.update(status=status) if _same(live, rollout) else None)


def let_services_go(store: ObjectStore) -> None:
    """What no blue-green Rollout chooses for any more: the Service sends to all its pods again."""
    chosen = {
        (rollout["metadata"]["namespace"], (rollout["spec"]["strategy"].get("blueGreen") or {}).get(role))
        for rollout in store.objects(kind="Rollout")
        for role in ("activeService", "previewService")
    }
    for service in store.objects(kind="Service"):
        namespace, name = service["metadata"]["namespace"], service["metadata"]["name"]
        if HASH in service["spec"]["selector"] and (namespace, name) not in chosen:
            store.change("Service", namespace, name, lambda live: live["spec"]["selector"].pop(HASH, None))


def _same(live: Object, seen: Object) -> bool:
    """Whether nobody has changed it since it was looked at; else the next pass looks anew."""
    return bool(live["metadata"]["resourceVersion"] == seen["metadata"]["resourceVersion"])


def _sets_of(store: ObjectStore, rollout: Object, status: Object) -> _Sets:
    namespace, name = rollout["metadata"]["namespace"], rollout["metadata"]["name"]
    owned = {
        each["metadata"]["labels"][HASH]: each
        for each in store.objects(namespace, "ReplicaSet")
        if is_owned_by(each, rollout)
    }
    template = status["currentPodHash"]
    highest = max((revision_of(each, REVISION) for each in owned.values()), default=0)
    if template not in owned:
        owned[template] = store.create(replica_set_for(rollout, highest + 1, label=HASH, annotation=REVISION))
    elif revision_of(owned[template], REVISION) < highest:
        store.change("ReplicaSet", namespace, owned[template]["metadata"]["name"], _revision_setter(highest + 1))
    current = store.get("ReplicaSet", namespace, owned[template]["metadata"]["name"]) or owned[template]
    if revision_of(current, REVISION) != revision_of(rollout, REVISION):
        store.change("Rollout", namespace, name, _revision_setter(revision_of(current, REVISION)))
    stable = None if is_stable(status) else owned.get(status.get("stableRS", ""))
    others = [each for key, each in owned.items() if key != template and each is not stable]
    return _Sets(current, stable, others, store.objects(namespace, "Pod"))


def _revision_setter(revision: int) -> Callable[[Object], None]:
    def edit(live: Object) -> None:
        live["metadata"].setdefault("annotations", {})[REVISION] = str(revision)

    return edit


def _canary(rollout: Object, status: Object, sets: _Sets, now: datetime) -> dict[str, int]:
    new = replicas_in(sets.newest, sets.pods)
    stable = replicas_in(sets.stable, sets.pods) if sets.stable else None
    others = [replicas_in(each, sets.pods) for each in sets.others]
    wanted, surge = replicas_of(rollout), surge_of(rollout)
    sizes = canary_sizes(wanted, weight_now(rollout, status), surge, new, stable, others)
    is_there = not sizes and new.ready >= new.wanted
    take_steps(rollout, status, is_at_weight=is_there, now=now)
    if is_there and new.wanted == wanted and not status.get("abort") and _has_taken_all(rollout, status):
        status["stableRS"] = status["currentPodHash"]
        status.pop("promoteFull", None)
    return sizes


def _has_taken_all(rollout: Object, status: Object) -> bool:
    return bool(status.get("stableRS") is None or status["currentStepIndex"] >= _steps(rollout))


def _steps(rollout: Object) -> int:
    return len(rollout["spec"]["strategy"]["canary"].get("steps") or [])


def _blue_green(store: ObjectStore, rollout: Object, status: Object, sets: _Sets, now: datetime) -> dict[str, int]:
    settings, wanted = rollout["spec"]["strategy"]["blueGreen"], replicas_of(rollout)
    new = replicas_in(sets.newest, sets.pods)
    sizes = {new.name: 0 if status.get("abort") else wanted}
    for each in (replicas_in(other, sets.pods) for other in sets.others):
        sizes[each.name] = each.wanted if _stays(store, rollout, each, now) else 0
    if sets.stable:
        sizes[sets.stable["metadata"]["name"]] = wanted
    if not is_stable(status) and switch_over(rollout, status, is_ready=0 < wanted <= new.ready, now=now):
        if sets.stable:
            _keep_for_a_while(store, rollout, sets.stable, settings, now)
        status["stableRS"] = status["currentPodHash"]
        status.pop("promoteFull", None)
    chosen = {"activeSelector": status.get("stableRS"), "previewSelector": status["currentPodHash"]}
    status["blueGreen"] = {name: value for name, value in chosen.items() if value}
    for service, selector in (("activeService", "activeSelector"), ("previewService", "previewSelector")):
        if settings.get(service) and (template := chosen[selector]):
            _select(store, rollout["metadata"]["namespace"], settings[service], template)
    has = {each["metadata"]["name"]: replicas_of(each) for each in (sets.newest, sets.stable, *sets.others) if each}
    return {name: size for name, size in sizes.items() if has[name] != size}


def _select(store: ObjectStore, namespace: str, service: str, template: str) -> None:
    store.change("Service", namespace, service, lambda live: live["spec"]["selector"].update({HASH: template}))


def _keep_for_a_while(store: ObjectStore, rollout: Object, old: Object, settings: Object, now: datetime) -> None:
    until = timestamp(now + timedelta(seconds=settings.get("scaleDownDelaySeconds", _SCALE_DOWN_SECONDS)))

    def edit(live: Object) -> None:
        live["metadata"].setdefault("annotations", {})[_SCALE_DOWN] = until

    store.change("ReplicaSet", rollout["metadata"]["namespace"], old["metadata"]["name"], edit)


def _stays(store: ObjectStore, rollout: Object, each: Replicas, now: datetime) -> bool:
    live = store.get("ReplicaSet", rollout["metadata"]["namespace"], each.name) or {"metadata": {}}
    until = (live["metadata"].get("annotations") or {}).get(_SCALE_DOWN)
    return until is not None and now < datetime.fromisoformat(until)


def _restart(store: ObjectStore, rollout: Object, status: Object, sets: _Sets) -> None:
    """End the pods that are older than what was asked for, one at a time, and only while all that should are ready."""
    asked = rollout["spec"].get("restartAt")
    if not asked or status.get("restartedAt") == asked:
        return
    mine = {each["metadata"]["uid"] for each in (sets.newest, sets.stable, *sets.others) if each}
    pods = [pod for pod in sets.pods if pod["metadata"]["ownerReferences"][0]["uid"] in mine and is_active(pod)]
    old = [pod for pod in pods if pod["metadata"]["creationTimestamp"] < asked]
    if not old:
        status["restartedAt"] = asked
    elif all(map(is_ready, pods)) and len(pods) >= replicas_of(rollout):
        name, namespace = old[0]["metadata"]["name"], rollout["metadata"]["namespace"]
        store.change("Pod", namespace, name, lambda live: live["metadata"].update(deletionTimestamp=timestamp()))


def _tell(rollout: Object, status: Object, pods: Pods) -> None:
    status["observedGeneration"] = str(rollout["metadata"]["generation"])
    counts = {
        "replicas": pods.total,
        "updatedReplicas": pods.updated,
        "readyReplicas": pods.ready,
        "availableReplicas": pods.ready,
    }
    for name, number in counts.items():
        status.pop(name, None)
        if number:
            status[name] = number
