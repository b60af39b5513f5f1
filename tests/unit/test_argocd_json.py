"""Argo CD's recorded answers, read as facts."""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tasks.domain.argocd.answers import read_message, read_status, read_token_expiry
from tasks.domain.argocd.resources import read_pod_trouble, read_workloads
from tasks.domain.argocd.source import find_source, normal_url, refuse_unused_file
from tasks.domain.argocd.sync_windows import read_sync_windows, read_window_blocks
from tasks.domain.errors import ConfigurationError
from tasks.domain.image import ImageReference, parse_image
from tasks.domain.rollout.facts import ApplicationStatus, Condition, Health, Operation, OutOfSync, Phase, Pod, Sync
from tasks.domain.rollout.images import old_pods

DATA = Path(__file__).parent.parent / "data" / "argocd"
COMMIT = "c0ffee00" * 5
IMAGE = "registry.example.com/myapp@sha256:" + "ab" * 32


def recorded(name: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((DATA / f"{name}.json").read_text())
    return value


def at(hour: int, minute: int, second: int) -> datetime:
    return datetime(2025, 9, 5, hour, minute, second, tzinfo=UTC)


def test_a_captured_application_is_read() -> None:
    assert read_status(recorded("app-healthy-synced-rest-v3"), source=0) == ApplicationStatus(
        revision="39313e1c4af397986a5e1bbb53bde6fef15d6a50",
        sync=Sync.SYNCED,
        health=Health.HEALTHY,
        auto_sync=False,
        health_since=datetime(2025, 8, 13, 7, 55, 7, tzinfo=UTC),
        reconciled_at=datetime(2025, 9, 4, 2, 16, 46, tzinfo=UTC),
        operation=Operation(
            Phase.SUCCEEDED,
            "39313e1c4af397986a5e1bbb53bde6fef15d6a50",
            "successfully synced (all tasks run)",
            datetime(2025, 8, 13, 7, 52, 13, tzinfo=UTC),
            datetime(2025, 8, 13, 7, 52, 14, tzinfo=UTC),
        ),
    )


@pytest.mark.parametrize(
    ("name", "phase", "is_over"),
    [
        ("01-operation-just-requested", Phase.REQUESTED, False),
        ("02-operation-running-presync-hook", Phase.RUNNING, False),
        ("03-operation-retry-backoff-running-with-finishedAt", Phase.RUNNING, False),
        ("04-operation-failed-syncerror", Phase.FAILED, True),
        ("05-progressing-synced", Phase.SUCCEEDED, True),
    ],
)
def test_an_operation_is_over_only_by_its_phase(name: str, phase: Phase, is_over: bool) -> None:
    operation = read_status(recorded(name), source=0).operation

    assert operation is not None
    assert (operation.phase, operation.is_over, operation.revision) == (phase, is_over, COMMIT)


def test_a_requested_operation_hides_the_one_before() -> None:
    application = recorded("05-progressing-synced") | {"operation": {"sync": {"revision": "d" * 40}}}

    assert read_status(application, source=0).operation == Operation(Phase.REQUESTED, "d" * 40)


def test_a_failed_comparison_names_no_commit() -> None:
    status = read_status(recorded("08-comparisonerror-sync-unknown"), source=0)

    assert (status.revision, status.sync) == (None, Sync.UNKNOWN)
    assert [(c.type, c.is_render_error, c.since) for c in status.conditions] == [
        ("ComparisonError", True, at(10, 0, 5)),
    ]


def test_warnings_are_no_errors() -> None:
    assert not Condition("OrphanedResourceWarning", "").is_error
    assert Condition("SyncError", "").is_error
    assert not Condition("SyncError", "").is_render_error


def test_unhealthy_resources_say_why() -> None:
    status = read_status(recorded("06-degraded-progress-deadline"), source=0)

    assert status.unhealthy == ('Deployment myapp is Degraded: Deployment "myapp" exceeded its progress deadline',)


def test_what_is_out_of_sync_is_named() -> None:
    resources = [
        {"kind": "Deployment", "name": "a", "status": "OutOfSync"},
        {"kind": "Service", "name": "b", "status": "OutOfSync", "requiresPruning": True},
        {"kind": "Service", "name": "c", "status": "Synced"},
    ]

    status = read_status({"status": {"resources": resources}}, source=0)

    assert status.out_of_sync == (OutOfSync("Deployment a"), OutOfSync("Service b", to_prune=True))


def test_an_empty_application_is_unknown_and_no_error() -> None:
    assert read_status({}, source=0) == ApplicationStatus(None, Sync.UNKNOWN, Health.UNKNOWN, auto_sync=False)


@pytest.mark.parametrize(
    ("policy", "is_on"),
    [
        ({"automated": {}}, True),
        ({"automated": {"enabled": True}}, True),
        ({"automated": {"enabled": False, "prune": True}}, False),
        ({"automated": None}, False),
        ({}, False),
        (None, False),
    ],
)
def test_auto_sync_is_on_unless_it_is_switched_off(policy: Any, is_on: bool) -> None:
    assert read_status({"spec": {"syncPolicy": policy}}, source=0).auto_sync is is_on


def test_each_source_has_its_own_revision() -> None:
    application = {"status": {"sync": {"revision": "", "revisions": ["1.2.3", "d" * 40]}}}

    assert read_status(application, source=0).revision is None
    assert read_status(application, source=1).revision == "d" * 40


def test_the_source_is_found_among_several() -> None:
    application = recorded("app-multisource-healthy-v3")

    assert find_source(application, "git@github.com:dudinea/cfrepo01.git", "main") == 1
    with pytest.raises(ConfigurationError, match=r"follows dev of .*cfrepo02.*, not branch main"):
        find_source(application, "https://github.com/dudinea/cfrepo02", "main")


HYDRATOR = {
    "drySource": {"repoURL": "https://git.example/a", "targetRevision": "main", "path": "apps/shop"},
    "syncSource": {"targetBranch": "env/staging", "path": "shop"},
}


def hydrated(revision: str = "e" * 40, hydrate_to: str = "", **status: Any) -> ApplicationStatus:
    """An application whose dry commit d was hydrated as e."""
    done = {"drySHA": "d" * 40, "hydratedSHA": "e" * 40}
    told = {"currentOperation": done | {"phase": "Hydrated"}, "lastSuccessfulOperation": done} | status
    hydrator = HYDRATOR | ({"hydrateTo": {"targetBranch": hydrate_to}} if hydrate_to else {})
    state = {"phase": "Succeeded", "syncResult": {"revision": revision}}
    whole = {"sync": {"revision": revision}, "sourceHydrator": told, "operationState": state}
    return read_status({"spec": {"sourceHydrator": hydrator}, "status": whole}, source=0)


def test_a_hydrated_application_follows_its_dry_source() -> None:
    application = {"metadata": {"name": "shop"}, "spec": {"sourceHydrator": HYDRATOR}}

    assert find_source(application, "https://git.example/a", "main") == 0
    with pytest.raises(ConfigurationError, match=r"follows main of .*, not branch env/staging"):
        find_source(application, "https://git.example/a", "env/staging")


def test_the_revision_of_a_hydrated_application_is_the_dry_one() -> None:
    status = hydrated()

    assert status.operation is not None
    assert (status.revision, status.operation.revision, status.note) == ("d" * 40, "d" * 40, "")


def test_a_sync_of_an_earlier_hydrated_commit_is_of_an_unknown_dry_one() -> None:
    operation = hydrated(revision="b" * 40).operation

    assert operation is not None
    assert operation.revision is None


def test_a_dry_commit_that_changed_nothing_counts_as_hydrated() -> None:
    assert hydrated(lastComparedDryRevision="f" * 40).revision == "f" * 40


def test_a_dry_commit_that_is_being_hydrated_does_not_count_yet() -> None:
    current = {"phase": "Hydrating", "drySHA": "f" * 40, "message": ""}
    status = hydrated(currentOperation=current, lastComparedDryRevision="f" * 40)

    assert (status.revision, status.note) == ("d" * 40, "it hydrates fffffff now")


def test_a_hydration_that_failed_is_a_rendering_that_failed() -> None:
    current = {"phase": "Failed", "message": "no such chart", "finishedAt": "2025-09-05T10:00:05Z", "drySHA": "f" * 40}

    [condition] = hydrated(currentOperation=current).conditions

    assert condition == Condition("HydrationError", "no such chart", at(10, 0, 5))
    assert condition.is_render_error


def test_what_is_hydrated_to_a_branch_of_its_own_has_to_be_brought_on() -> None:
    note = "it hydrates to branch env/staging-next, and something has to bring that to env/staging"

    assert hydrated(revision="b" * 40, hydrate_to="env/staging-next").note == note
    assert read_status({"spec": {"sourceHydrator": HYDRATOR}}, source=0).revision is None


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example/Acme/gitops",
        "https://git.example/acme/gitops.git/",
        "https://git.example:443/acme/gitops.git",
        "https://user@git.example/acme/gitops",
        "ssh://git@git.example/acme/gitops.git",
        "ssh://git@git.example:22/acme/gitops.git",
        "git@git.example:acme/gitops.git",
    ],
)
def test_a_repository_is_the_same_under_each_spelling(url: str) -> None:
    assert normal_url(url) == "git.example/acme/gitops"


@pytest.mark.parametrize("url", ["https://git.example:8443/acme/gitops", "https://other.example/acme/gitops", ""])
def test_another_repository_is_another(url: str) -> None:
    assert normal_url(url) != "git.example/acme/gitops"


@pytest.mark.parametrize(
    "source",
    [
        {"path": "charts/service", "helm": {"valueFiles": ["../../apps/shop/values.yaml"]}},
        {"path": "charts/service", "helm": {"valueFiles": ["/apps/shop/values.yaml"]}},
        {"path": "charts/service", "helm": {"valueFiles": ["$values/apps/shop/values.yaml"]}},
        {"path": "charts/service", "helm": {"valueFiles": ["../../apps/*/values.yaml"]}},
        {"path": "apps/shop"},
        {"path": "."},
        {"path": "overlays/staging"},
    ],
)
def test_a_file_that_the_application_may_use_is_accepted(source: dict[str, Any]) -> None:
    refuse_unused_file({"spec": {"source": source}}, 0, "apps/shop/values.yaml")


def test_a_file_that_a_chart_does_not_use_is_refused() -> None:
    source = {"path": "charts/service", "helm": {"valueFiles": ["../../apps/shop/values.yaml"]}}

    with pytest.raises(ConfigurationError, match=r"its value files are apps/shop/values\.yaml"):
        refuse_unused_file({"spec": {"source": source}}, 0, "apps/shop/values-staging.yaml")


def test_pods_are_read_from_the_tree() -> None:
    tree = recorded("09-resource-tree-imagepullbackoff")

    pods = read_workloads({}, tree).pods

    assert pods == (
        Pod(
            "myapp-7dfb7d78d5-fbtpd",
            (ImageReference("registry.cn-shanghai.aliyuncs.com/public-namespace/myapp", "v2"),),
            is_current=False,
            namespace="devops",
        ),
        Pod(
            "myapp-5c9f6d7b8-zzzzz",
            (parse_image(IMAGE),),
            "ImagePullBackOff",
            Health.DEGRADED,
            message=f'Back-off pulling image "{IMAGE}"',
            namespace="devops",
        ),
    )


@pytest.mark.parametrize(
    ("status", "trouble"),
    [
        ({"conditions": [{"type": "PodScheduled", "status": "False", "message": "no node"}]}, "no node"),
        ({"initContainerStatuses": [{"state": {"waiting": {"message": "no such image"}}}]}, "no such image"),
        ({"containerStatuses": [{"state": {"running": {}}}], "message": "evicted"}, "evicted"),
        ({"containerStatuses": None}, ""),
        (None, ""),
    ],
)
def test_a_pod_says_why_it_does_not_run(status: Any, trouble: str) -> None:
    assert read_pod_trouble({"status": status}) == trouble


def test_the_newest_replica_set_has_the_current_pods() -> None:
    def node(kind: str, uid: str, owner: str, **info: str) -> dict[str, Any]:
        entries = [{"name": name.replace("_", " "), "value": value} for name, value in info.items()]
        return {"kind": kind, "name": uid, "uid": uid, "parentRefs": [{"uid": owner}], "info": entries}

    nodes = [
        node("ReplicaSet", "old", "web", Revision="Rev:9"),
        node("ReplicaSet", "new", "web", Revision="Rev:10"),
        node("Pod", "old-1", "old", Restart_Count="4"),
        node("Pod", "new-1", "new"),
    ]

    pods = read_workloads({"items": None}, {"nodes": nodes}).pods

    assert [(pod.name, pod.is_current, pod.restarts) for pod in pods] == [("old-1", False, 4), ("new-1", True, 0)]


@pytest.mark.parametrize(
    ("strategy", "stable", "waits_for_it"),
    [("blueGreen", "new", False), ("blueGreen", "old", True), ("canary", "new", True)],
)
def test_only_blue_green_that_has_switched_may_keep_old_pods(strategy: str, stable: str, waits_for_it: bool) -> None:
    ours, before = (ImageReference("registry.example/web", None, f"sha256:{c * 64}") for c in "12")

    def node(kind: str, name: str, parent: dict[str, str], **more: Any) -> dict[str, Any]:
        return {"kind": kind, "name": name, "uid": name, "parentRefs": [parent | {"namespace": "production"}], **more}

    rollout = {"kind": "Rollout", "name": "web", "uid": "web"}
    nodes = [
        node("ReplicaSet", "old", rollout, info=[{"name": "Revision", "value": "Rev:1"}]),
        node("ReplicaSet", "new", rollout, info=[{"name": "Revision", "value": "Rev:2"}]),
        node("Pod", "old-1", {"kind": "ReplicaSet", "uid": "old"}, images=[str(before)], info=RUNNING),
        node("Pod", "new-1", {"kind": "ReplicaSet", "uid": "new"}, images=[str(ours)], info=RUNNING),
    ]
    live = {
        "metadata": {"namespace": "production", "name": "web"},
        "spec": {"strategy": {strategy: {}}},
        "status": {"currentPodHash": "new", "stableRS": stable},
    }
    managed = {"items": [{"kind": "Rollout", "targetState": "null", "liveState": json.dumps(live)}]}

    workloads = read_workloads(managed, {"nodes": nodes})

    assert bool(old_pods(workloads, ours)) is waits_for_it
    assert [pod.name for pod in workloads.pods if pod.stands_by] == ([] if waits_for_it else ["old-1"])


RUNNING = [{"name": "Status Reason", "value": "Running"}]


def state(*images: str) -> str:
    return json.dumps({"spec": {"template": {"spec": {"containers": [{"image": image} for image in images]}}}})


def test_images_are_read_from_what_is_rendered_and_what_is_live() -> None:
    items = [
        {"targetState": state(IMAGE, "${NOT_AN_IMAGE}"), "liveState": state("nginx:1")},
        {"targetState": json.dumps({"data": {"image": "busybox:1"}}), "liveState": "null"},
        {"targetState": "null", "liveState": state("to-be-pruned:1")},
    ]

    workloads = read_workloads({"items": items}, {})

    assert (workloads.desired, workloads.live) == ((parse_image(IMAGE),), (ImageReference("nginx", "1"),))


ALLOW, DENY = {"kind": "allow"}, {"kind": "deny"}


@pytest.mark.parametrize(
    ("active", "assigned", "blocks"),
    [
        (None, None, False),
        ([], [DENY], False),
        ([DENY], [DENY], True),
        ([ALLOW], [ALLOW], False),
        ([], [ALLOW], True),
        ([ALLOW, DENY], [ALLOW, DENY], True),
    ],
)
def test_windows_keep_an_automatic_sync_back(active: Any, assigned: Any, blocks: bool) -> None:
    # canSync is about syncs by hand, and does not count here.
    windows = {"activeWindows": active, "assignedWindows": assigned, "canSync": not blocks}

    assert read_window_blocks(windows, auto_sync=True) is blocks
    assert read_window_blocks({"canSync": not blocks}, auto_sync=False) is blocks


NIGHT = {"kind": "deny", "schedule": "0 22 * * *", "duration": "8h"}
DECLARED = NIGHT | {"timeZone": "Europe/Berlin", "description": "Ticket 7", "applications": ["*"]}


@pytest.mark.parametrize(
    ("declared", "zone"),
    [
        ([DECLARED], "Europe/Berlin"),
        # Argo CD's own default.
        ([NIGHT], "UTC"),
        ([DECLARED | {"schedule": "0 23 * * *"}], None),
        ([DECLARED | {"manualSync": True}], None),
        ([DECLARED, NIGHT], None),
        ([], None),
    ],
)
def test_only_the_project_knows_the_time_zone_of_a_window(declared: list[Any], zone: str | None) -> None:
    (window,) = read_sync_windows({"assignedWindows": [NIGHT]}, {"spec": {"syncWindows": declared}})

    assert (window.kind, window.schedule, window.duration, window.zone) == ("deny", "0 22 * * *", "8h", zone)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error":"no","message":"no","code":7}', "no"),
        (b"Invalid content type", "Invalid content type"),
        (b" <html>secret path</html>", "something in front of Argo CD answered"),
        (b"", "no message"),
        (b"[1]", "[1]"),
        (b"\xff", "\ufffd"),
    ],
)
def test_an_error_is_read_whoever_wrote_it(body: bytes, message: str) -> None:
    assert read_message(body) == message


def token(claims: object) -> str:
    return "e30." + base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=") + ".c2ln"


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        (token({"exp": 1700000000}), 1700000000.0),
        (token({"sub": "proj:default:ci"}), None),
        (token({"exp": None}), None),
        (token([]), None),
        ("opaque", None),
        ("a.!!!.c", None),
        ("", None),
    ],
)
def test_a_tokens_end_is_read_where_it_says_one(text: str, ends: float | None) -> None:
    assert read_token_expiry(text) == ends
