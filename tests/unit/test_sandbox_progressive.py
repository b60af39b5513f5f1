"""An Argo Rollout in the sandbox: steps, pauses, ways out and the way back, with pods that are ready when told."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from deployments.sandbox.argocd.health import health_of
from deployments.sandbox.cluster.admission import ApiError, admit
from deployments.sandbox.cluster.deployment import Replicas
from deployments.sandbox.cluster.pod_status import is_active
from deployments.sandbox.cluster.progressive import HASH, canary_sizes, seconds
from deployments.sandbox.cluster.reconcile import Progress, reconcile
from deployments.sandbox.cluster.state import ObjectStore

LABELS = {"app": "shop"}
CANARY = {"canary": {"steps": [{"setWeight": 25}, {"pause": {}}, {"setWeight": 50}, {"pause": {"duration": "10m"}}]}}
BLUE_GREEN = {"blueGreen": {"activeService": "active", "previewService": "preview", "autoPromotionEnabled": False}}


def rollout(version: str, strategy: dict[str, Any], replicas: int = 4) -> dict[str, Any]:
    container = {"name": "main", "image": f"registry.example/shop:{version}"}
    template = {"metadata": {"labels": LABELS}, "spec": {"containers": [container]}}
    selector = {"matchLabels": LABELS}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": "shop", "namespace": "production"},
        "spec": {"replicas": replicas, "selector": selector, "template": template, "strategy": strategy},
    }


def service(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "production"},
        "spec": {"selector": LABELS, "ports": [{"port": 80, "targetPort": 8080}]},
    }


class Land:
    """A cluster without processes."""

    def __init__(self) -> None:
        self.store, self.progress, self.broken = ObjectStore(), Progress(), ""

    def apply(self, manifest: dict[str, Any]) -> None:
        self.store.apply(admit(manifest, self.store.get))
        self.settle()

    def act(self, **status: Any) -> None:
        """Change the status as a resource action does; None takes a field out."""

        def edit(live: dict[str, Any]) -> None:
            for name, value in status.items():
                live["status"].pop(name, None)
                if value is not None:
                    live["status"][name] = value

        self.store.change("Rollout", "production", "shop", edit)
        self.settle()

    def settle(self) -> None:
        for _ in range(60):
            reconcile(self.store, self.progress)
            for pod in self.store.objects(kind="Pod"):
                name = pod["metadata"]["name"]
                if not is_active(pod):
                    self.store.remove("Pod", "production", name)
                elif not self.broken or not pod["spec"]["containers"][0]["image"].endswith(self.broken):
                    ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
                    self.store.change("Pod", "production", name, lambda live, ready=ready: live.update(status=ready))

    @property
    def live(self) -> dict[str, Any]:
        found = self.store.get("Rollout", "production", "shop")
        assert found
        return found

    @property
    def said(self) -> tuple[str, str]:
        """Argo CD's health of it, and why."""
        health = health_of(self.live)
        assert health
        return health.status, health.message

    @property
    def pods(self) -> dict[str, int]:
        """How many pods run which version."""
        images = [pod["spec"]["containers"][0]["image"].rpartition(":")[2] for pod in self.store.objects(kind="Pod")]
        return {version: images.count(version) for version in sorted(images)}

    def selected(self, name: str) -> str:
        """The version that a Service sends requests to; both while it chooses none."""
        found = self.store.get("Service", "production", name)
        assert found
        wanted = found["spec"]["selector"].items()
        chosen = [pod for pod in self.store.objects(kind="Pod") if wanted <= pod["metadata"]["labels"].items()]
        return " ".join(sorted({pod["spec"]["containers"][0]["image"].rpartition(":")[2] for pod in chosen}))


@pytest.fixture
def land() -> Land:
    return Land()


def test_the_first_release_takes_no_steps(land: Land) -> None:
    land.apply(rollout("one", CANARY))
    assert (land.said, land.pods) == (("Healthy", ""), {"one": 4})
    status = land.live["status"]
    assert (status["stableRS"], status["currentStepIndex"]) == (status["currentPodHash"], 4)


def test_a_canary_waits_at_its_pause_with_its_share_of_the_pods(land: Land) -> None:
    land.apply(rollout("one", CANARY))
    land.apply(rollout("two", CANARY))
    assert (land.said, land.pods) == (("Suspended", "CanaryPauseStep"), {"one": 3, "two": 1})
    status = land.live["status"]
    assert (status["currentStepIndex"], status["controllerPause"]) == (1, True)
    assert status["pauseConditions"][0]["reason"] == "CanaryPauseStep"
    assert status["stableRS"] != status["currentPodHash"]
    assert status["observedGeneration"] == "2"


def test_a_resumed_canary_goes_to_its_next_pause_and_then_to_its_end(land: Land) -> None:
    land.apply(rollout("one", CANARY))
    land.apply(rollout("two", CANARY))
    land.act(pauseConditions=None)
    assert (land.said, land.pods) == (("Suspended", "CanaryPauseStep"), {"one": 2, "two": 2})
    assert land.live["status"]["currentStepIndex"] == 3
    land.act(pauseConditions=None)
    assert (land.said, land.pods) == (("Healthy", ""), {"two": 4})
    assert "controllerPause" not in land.live["status"]


def test_a_rollout_that_a_person_paused_takes_no_step(land: Land) -> None:
    land.apply(rollout("one", CANARY))
    land.apply(rollout("two", CANARY))
    land.store.change("Rollout", "production", "shop", lambda live: live["spec"].update(paused=True))
    land.act(pauseConditions=None)
    assert (land.said, land.pods) == (("Suspended", "manually paused"), {"one": 3, "two": 1})


def test_a_restart_replaces_every_pod_that_is_older(land: Land) -> None:
    land.apply(rollout("one", CANARY))
    before = {pod["metadata"]["uid"] for pod in land.store.objects(kind="Pod")}
    for pod in land.store.objects(kind="Pod"):
        name = pod["metadata"]["name"]
        land.store.change("Pod", "production", name, _older)
    land.store.change(
        "Rollout", "production", "shop", lambda live: live["spec"].update(restartAt="2026-01-02T00:00:00Z")
    )
    land.settle()
    after = {pod["metadata"]["uid"] for pod in land.store.objects(kind="Pod")}
    assert (len(after), before & after, land.said) == (4, set(), ("Healthy", ""))


def _older(live: dict[str, Any]) -> None:
    live["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"


def test_a_pause_with_a_duration_ends_by_itself(land: Land) -> None:
    land.apply(rollout("one", CANARY))
    land.apply(rollout("two", CANARY))
    land.act(pauseConditions=None)
    land.act(pauseConditions=[{"reason": "CanaryPauseStep", "startTime": "2026-01-01T00:00:00Z"}])
    assert (land.said, land.pods) == (("Healthy", ""), {"two": 4})


def test_a_full_promotion_leaves_out_every_step(land: Land) -> None:
    land.apply(rollout("one", CANARY))
    land.apply(rollout("two", CANARY))
    land.act(promoteFull=True)
    assert (land.said, land.pods) == (("Healthy", ""), {"two": 4})
    assert "promoteFull" not in land.live["status"]


def test_an_aborted_canary_is_degraded_until_git_goes_back(land: Land) -> None:
    land.apply(rollout("one", CANARY))
    land.apply(rollout("two", CANARY))
    land.act(abort=True)
    aborted = ("Degraded", "RolloutAborted: Rollout aborted update to revision 2")
    assert (land.said, land.pods) == (aborted, {"one": 4})
    land.apply(rollout("one", CANARY))
    assert (land.said, land.pods) == (("Healthy", ""), {"one": 4})


def test_an_aborted_canary_that_is_tried_again_begins_anew(land: Land) -> None:
    land.apply(rollout("one", CANARY))
    land.apply(rollout("two", CANARY))
    land.act(abort=True)
    land.act(abort=None)
    assert (land.said, land.pods) == (("Suspended", "CanaryPauseStep"), {"one": 3, "two": 1})


def test_a_third_release_takes_the_place_of_a_paused_one(land: Land) -> None:
    land.apply(rollout("one", CANARY))
    land.apply(rollout("two", CANARY))
    land.apply(rollout("three", CANARY))
    assert (land.said, land.pods) == (("Suspended", "CanaryPauseStep"), {"one": 3, "three": 1})


def test_a_canary_that_never_becomes_ready_exceeds_its_deadline_and_harms_nobody(land: Land) -> None:
    land.apply(rollout("one", CANARY))
    land.broken = "two"
    late = rollout("two", CANARY)
    late["spec"]["progressDeadlineSeconds"] = 0
    land.apply(late)
    status, message = land.said
    assert (status, message.startswith("ProgressDeadlineExceeded: ")) == ("Degraded", True)
    assert land.pods == {"one": 4, "two": 1}


def test_blue_green_shows_the_new_one_and_switches_when_it_is_told(land: Land) -> None:
    for name in ("active", "preview"):
        land.apply(service(name))
    land.apply(rollout("one", BLUE_GREEN, replicas=2))
    assert land.selected("active") == "one"
    land.apply(rollout("two", BLUE_GREEN, replicas=2))
    assert (land.said, land.pods) == (("Suspended", "BlueGreenPause"), {"one": 2, "two": 2})
    assert (land.selected("active"), land.selected("preview")) == ("one", "two")
    # A sync in between does not take away what the controller chose.
    land.apply(service("active"))
    assert land.selected("active") == "one"
    land.act(pauseConditions=None)
    assert (land.said[0], land.selected("active")) == ("Healthy", "two")
    chosen = land.live["status"]["blueGreen"]
    assert chosen == dict.fromkeys(("activeSelector", "previewSelector"), land.live["status"]["currentPodHash"])


def test_an_aborted_blue_green_keeps_the_old_one(land: Land) -> None:
    land.apply(service("active"))
    land.apply(rollout("one", BLUE_GREEN, replicas=2))
    land.apply(rollout("two", BLUE_GREEN, replicas=2))
    land.act(abort=True)
    assert (land.said[0], land.selected("active"), land.pods) == ("Degraded", "one", {"one": 2})


def test_a_service_that_no_blue_green_rollout_names_any_more_sends_to_all_its_pods(land: Land) -> None:
    land.apply(service("active"))
    land.apply(rollout("one", BLUE_GREEN, replicas=2))
    land.apply(rollout("two", BLUE_GREEN, replicas=2))
    assert land.selected("active") == "one"
    land.apply(rollout("two", {"canary": {}}, replicas=2))
    found = land.store.get("Service", "production", "active")
    assert found
    assert HASH not in found["spec"]["selector"]


@pytest.mark.parametrize(
    "strategy",
    [
        {},
        {"canary": {}, "blueGreen": {}},
        {"blueGreen": {}},
        {"canary": {"trafficRouting": {"nginx": {}}}},
        {"canary": {"steps": [{"analysis": {}}]}},
        {"canary": {"steps": [{"setWeight": 101}]}},
        {"canary": {"steps": [{"pause": {"duration": "soon"}}]}},
    ],
)
def test_a_strategy_that_cannot_be_followed_is_refused(strategy: dict[str, Any]) -> None:
    with pytest.raises(ApiError, match="is invalid"):
        admit(rollout("one", strategy), lambda *_: None)


@pytest.mark.parametrize(("given_", "told"), [("30s", 30), ("10m", 600), ("1h", 3600), (20, 20), ("5", 5)])
def test_durations_are_read_as_argo_rollouts_does(given_: object, told: float) -> None:
    assert seconds(given_) == told


@given(
    some.integers(1, 6),
    some.integers(0, 100),
    some.integers(1, 3),
    some.lists(some.tuples(some.integers(0, 6), some.integers(0, 6)), min_size=3, max_size=3),
)
def test_no_weight_takes_ready_pods_below_what_is_wanted(
    replicas: int, weight: int, surge: int, pods: list[tuple[int, int]]
) -> None:
    new, stable, other = (Replicas(name, w, min(w, r)) for name, (w, r) in zip("abc", pods, strict=True))
    sizes = canary_sizes(replicas, weight, surge, new, stable, [other])
    before = sum(each.ready for each in (new, stable, other))
    # Pods that are not ready go first within each ReplicaSet.
    after = sum(min(each.ready, sizes.get(each.name, each.wanted)) for each in (new, stable, other))
    assert after >= min(before, replicas)
