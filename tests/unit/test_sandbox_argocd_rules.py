"""The pure rules of the sandbox's Argo CD: health, sync windows, differences."""

from datetime import UTC, datetime
from typing import Any

import pytest

from deployments.sandbox.argocd.comparison import differs
from deployments.sandbox.argocd.health import Health, health_of
from deployments.sandbox.argocd.windows import SyncWindow, may_sync

MONDAY = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)


def deployment(*, generation: int = 1, paused: bool = False, reason: str = "", **status: int) -> dict[str, Any]:
    conditions = [{"type": "Progressing", "reason": reason}]
    whole = {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2, **status}
    metadata = {"name": "shop-api", "generation": generation}
    spec = {"replicas": 2, "paused": paused}
    return {"kind": "Deployment", "metadata": metadata, "spec": spec, "status": whole | {"conditions": conditions}}


@pytest.mark.parametrize(
    ("live", "status", "message"),
    [
        (deployment(), "Healthy", ""),
        (deployment(paused=True), "Suspended", "Deployment is paused"),
        (deployment(generation=2), "Progressing", "observed deployment generation less than desired generation"),
        (
            deployment(reason="ProgressDeadlineExceeded"),
            "Degraded",
            'Deployment "shop-api" exceeded its progress deadline',
        ),
        (deployment(updatedReplicas=1), "Progressing", "1 out of 2 new replicas have been updated..."),
        (deployment(replicas=3), "Progressing", "1 old replicas are pending termination..."),
        (deployment(availableReplicas=1), "Progressing", "1 of 2 updated replicas are available..."),
    ],
)
def test_a_deployment_is_as_healthy_as_its_rollout(live: dict[str, Any], status: str, message: str) -> None:
    prefix = "Waiting for rollout to finish: " if status == "Progressing" else ""
    assert health_of(live) == Health(status, prefix + message)


def pod(phase: str, *, ready: bool = False, waiting: str = "", restarted: bool = False) -> dict[str, Any]:
    state = {"waiting": {"reason": waiting, "message": f"{waiting}!"}} if waiting else {"running": {}}
    last = {"terminated": {"exitCode": 1}} if restarted else {}
    conditions = [{"type": "Ready", "status": str(ready)}]
    containers = [{"state": state, "lastState": last}]
    return {"kind": "Pod", "status": {"phase": phase, "conditions": conditions, "containerStatuses": containers}}


@pytest.mark.parametrize(
    ("live", "health"),
    [
        (pod("Running", ready=True), Health("Healthy")),
        (pod("Running"), Health("Progressing")),
        (pod("Running", restarted=True), Health("Degraded")),
        (pod("Pending", waiting="ContainerCreating"), Health("Progressing")),
        (pod("Pending", waiting="ErrImagePull"), Health("Degraded", "ErrImagePull!")),
        (pod("Pending", waiting="ImagePullBackOff"), Health("Degraded", "ImagePullBackOff!")),
        (pod("Running", waiting="CrashLoopBackOff"), Health("Degraded", "CrashLoopBackOff!")),
        (pod("Pending", waiting="CreateContainerConfigError"), Health("Degraded", "CreateContainerConfigError!")),
        (pod("Failed"), Health("Degraded")),
        (pod("Succeeded"), Health("Healthy")),
    ],
)
def test_a_pod_is_degraded_by_what_does_not_heal(live: dict[str, Any], health: Health) -> None:
    assert health_of(live) == health


@pytest.mark.parametrize(
    ("schedule", "duration", "is_active"),
    [
        ("* * * * *", "1m", True),
        ("0 12 * * *", "1h", True),
        ("0 12 * * *", "30m", False),
        ("0 13 * * *", "24h", True),
        ("*/15 * * * *", "1m", True),
        ("0 0 * * 1", "1d", True),
        ("0 0 * * 2-5", "1d", False),
        ("0 0 2 3 *", "13h", True),
        ("0 0 1,15 * *", "1d", False),
    ],
)
def test_a_window_is_open_for_its_duration_after_its_schedule(schedule: str, duration: str, is_active: bool) -> None:
    assert SyncWindow(kind="deny", schedule=schedule, duration=duration).is_active(MONDAY) is is_active


@pytest.mark.parametrize(("schedule", "duration"), [("* * * *", "1h"), ("61 * * * *", "1h"), ("* * * * *", "soon")])
def test_a_window_that_cannot_be_read_cannot_be_made(schedule: str, duration: str) -> None:
    with pytest.raises(ValueError, match=r"is not"):
        SyncWindow(kind="deny", schedule=schedule, duration=duration)


def test_a_denying_window_wins_and_an_allowing_one_must_be_open() -> None:
    always, never = {"schedule": "* * * * *", "duration": "1h"}, {"schedule": "0 0 1 1 *", "duration": "1h"}
    allow_now, allow_later = SyncWindow(kind="allow", **always), SyncWindow(kind="allow", **never)
    deny_now = SyncWindow(kind="deny", **always)
    people_may = SyncWindow(kind="deny", manual_sync=True, **always)
    cases = [
        ([], (True, True)),
        ([allow_now], (True, True)),
        ([allow_later], (False, False)),
        ([allow_now, deny_now], (False, False)),
        ([people_may], (False, True)),
        ([people_may, deny_now], (False, False)),
    ]
    for windows, expected in cases:
        assert (may_sync(windows, MONDAY, manual=False), may_sync(windows, MONDAY, manual=True)) == expected


@pytest.mark.parametrize(
    ("target", "live", "expected"),
    [
        ({"a": 1}, {"a": 1, "added by the cluster": 2}, False),
        ({"a": 1}, {"a": 2}, True),
        ({"a": {"b": [1, {"c": 2}]}}, {"a": {"b": [1, {"c": 2, "d": 3}]}}, False),
        ({"a": [1]}, {"a": [1, 2]}, True),
        ({"a": [], "b": {}, "c": None}, {}, False),
        ({"a": 0}, {}, True),
        ({"status": 1}, {}, False),
    ],
)
def test_a_live_object_differs_where_it_lacks_what_is_wanted(
    target: dict[str, Any], live: dict[str, Any], expected: bool
) -> None:
    assert differs(target, live) is expected
