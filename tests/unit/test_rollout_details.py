"""The small rules of a rollout, one by one: what breaking a single condition must not leave unseen."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tasks.domain.delivery.rollout import RolloutTimeouts
from tasks.domain.image import ImageReference
from tasks.domain.rollout.conditions import first_unmet, is_applied, is_synced
from tasks.domain.rollout.decision import decide_environment_still_healthy, decide_rollout
from tasks.domain.rollout.everywhere import decide_everywhere
from tasks.domain.rollout.facts import (
    ApplicationStatus,
    Condition,
    Expectation,
    Health,
    Observation,
    Operation,
    OutOfSync,
    Phase,
    Pod,
    Sync,
    Workloads,
)
from tasks.domain.rollout.images import others, runs
from tasks.domain.rollout.verdict import RolloutKind, RolloutVerdict
from tasks.domain.verdict import Outcome, Verdict, failed, passed, pending

PUSHED = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
OURS = "c" * 40
IMAGE = ImageReference("registry.example/acme/shop-api", "c" * 40, "sha256:" + "1" * 64)
OLD_IMAGE = ImageReference("registry.example/acme/shop-api", "a" * 40, "sha256:" + "0" * 64)
SIDECAR = ImageReference("registry.example/acme/proxy", "v1", "sha256:" + "5" * 64)
TIMEOUTS = RolloutTimeouts(detect_seconds=300, sync_seconds=600, healthy_seconds=900, degraded_grace_seconds=60)
EXPECTATION = Expectation("staging", OURS, IMAGE, PUSHED, "https://git.example/acme/gitops", "main", TIMEOUTS)
DONE = Operation(Phase.SUCCEEDED, OURS, "successfully synced", PUSHED, PUSHED + timedelta(seconds=2))
GOOD = ApplicationStatus(
    revision=OURS,
    sync=Sync.SYNCED,
    health=Health.HEALTHY,
    auto_sync=True,
    health_since=PUSHED,
    reconciled_at=PUSHED + timedelta(seconds=2),
    operation=DONE,
)
WORKLOADS = Workloads(desired=(IMAGE,), live=(IMAGE,), pods=(Pod("shop-api-7f", (IMAGE,)),))
SEEN = Observation(PUSHED, GOOD, contains=True, operation_contains=True, workloads=WORKLOADS)


def unmet(*, workloads: Workloads | None = WORKLOADS, operation_contains: bool | None = True, **status: Any) -> str:
    """The sentence on what one look lacks that is good but for these facts; empty where it lacks nothing."""
    look = replace(SEEN, workloads=workloads, operation_contains=operation_contains, status=replace(GOOD, **status))
    found = first_unmet(EXPECTATION, look)
    return found.sentence if found else ""


def test_a_look_that_is_good_lacks_nothing() -> None:
    assert unmet() == ""


@pytest.mark.parametrize(
    ("live", "sentence"),
    [
        ((IMAGE,), ""),
        ((IMAGE, SIDECAR), ""),
        ((IMAGE, OLD_IMAGE), f"the live objects name {OLD_IMAGE}, not {IMAGE}"),
        ((OLD_IMAGE,), f"the live objects name {OLD_IMAGE}, not {IMAGE}"),
        ((SIDECAR,), f"the live objects name no such image, not {IMAGE}"),
        ((), f"the live objects name no such image, not {IMAGE}"),
    ],
)
def test_live_objects_name_our_image_and_no_other_of_its_repository(
    live: tuple[ImageReference, ...], sentence: str
) -> None:
    assert unmet(workloads=replace(WORKLOADS, live=live)) == sentence


@pytest.mark.parametrize(
    ("contains", "workloads", "applied"),
    [
        (True, WORKLOADS, True),
        (None, WORKLOADS, False),
        (False, WORKLOADS, False),
        (True, None, False),
        (True, replace(WORKLOADS, live=(OLD_IMAGE,)), False),
    ],
)
def test_our_change_is_applied_where_the_commit_is_seen_and_live_objects_name_the_image(
    contains: bool | None, workloads: Workloads | None, applied: bool
) -> None:
    assert is_applied(EXPECTATION, replace(SEEN, contains=contains, workloads=workloads)) is applied


def test_where_workloads_were_not_looked_at_everything_has_to_be_synced() -> None:
    look = replace(SEEN, workloads=None, status=replace(GOOD, sync=Sync.OUT_OF_SYNC))
    assert not is_synced(look, IMAGE, "workloads")
    assert is_synced(replace(look, workloads=WORKLOADS), IMAGE, "workloads")


def test_what_was_not_looked_at_names_no_image() -> None:
    assert unmet(workloads=None) == f"what Argo CD renders from ccccccc does not name {IMAGE}"
    assert unmet(workloads=None, note="a source is missing").endswith(f"{IMAGE}; a source is missing")


def test_what_is_rendered_may_name_other_images_but_no_other_of_ours() -> None:
    assert unmet(workloads=replace(WORKLOADS, desired=(IMAGE, SIDECAR))) == ""
    assert unmet(workloads=replace(WORKLOADS, desired=(IMAGE, OLD_IMAGE))).startswith(
        f"what Argo CD renders also names {OLD_IMAGE}"
    )


@pytest.mark.parametrize("note", ["", "another source has to be seen first"])
def test_what_is_still_to_happen_is_said_where_there_is_something(note: str) -> None:
    look = replace(SEEN, contains=False, status=replace(GOOD, note=note))
    found = first_unmet(EXPECTATION, look)
    assert found is not None
    assert found.sentence == "Argo CD sees ccccccc, not yet ccccccc" + (f"; {note}" if note else "")


@pytest.mark.parametrize(("message", "said"), [("", "is running"), ("applying", "is running: applying")])
def test_a_sync_that_runs_is_said_with_what_it_says(message: str, said: str) -> None:
    operation = replace(DONE, phase=Phase.RUNNING, message=message, finished_at=None)
    assert unmet(operation=operation) == f"the sync of ccccccc {said}"


@pytest.mark.parametrize(
    ("facts", "who"),
    [
        ({}, "auto-sync should start one: sync it by hand in Argo CD"),
        ({"auto_sync": False}, "one is asked for"),
        ({"auto_sync": False, "owned_by_application_set": True}, "its ApplicationSet or a person has to start one"),
        ({"owned_by_application_set": True}, "auto-sync should start one: sync it by hand in Argo CD"),
        (
            {"out_of_sync": (OutOfSync("Job a", to_prune=True),)},
            "only what git has no longer is left (Job a): have it pruned, or delete it in Argo CD",
        ),
        (
            {"out_of_sync": (OutOfSync("Job a", to_prune=True), OutOfSync("Job b"))},
            "auto-sync should start one for Job a, Job b: sync it by hand in Argo CD",
        ),
        (
            {"out_of_sync": tuple(OutOfSync(name) for name in "abcde")},
            "auto-sync should start one for a, b, c, d, e: sync it by hand in Argo CD",
        ),
        (
            {"out_of_sync": tuple(OutOfSync(name) for name in "abcdef")},
            "auto-sync should start one for a, b, c, d, e, ...: sync it by hand in Argo CD",
        ),
    ],
)
def test_who_has_to_sync_is_said(facts: dict[str, Any], who: str) -> None:
    said = unmet(sync=Sync.OUT_OF_SYNC, operation_contains=False, **facts)
    assert said == f"ccccccc is OutOfSync and no sync runs; {who}"


@pytest.mark.parametrize(
    ("auto_sync", "operation", "contains", "is_enough"),
    [(False, DONE, True, True), (False, None, True, False), (False, DONE, None, False), (True, DONE, True, False)],
)
def test_a_sync_by_hand_of_our_commit_is_enough_where_nothing_syncs_by_itself(
    auto_sync: bool, operation: Operation | None, contains: bool | None, is_enough: bool
) -> None:
    said = unmet(sync=Sync.OUT_OF_SYNC, auto_sync=auto_sync, operation=operation, operation_contains=contains)
    assert (said == "") is is_enough


def test_an_error_condition_is_a_reason_and_a_warning_is_none() -> None:
    errors = (Condition("SharedResourceWarning", "w"), Condition("SyncError", "first"), Condition("DeletionError", "x"))
    assert unmet(conditions=errors) == "SyncError: first"
    assert unmet(conditions=errors[:1]) == ""


@pytest.mark.parametrize(
    ("finished", "compared", "is_fresh"),
    [(None, None, True), (2, None, False), (2, 1, False), (2, 2, True), (2, 3, True)],
)
def test_health_counts_that_was_compared_since_the_sync_ended(
    finished: int | None, compared: int | None, is_fresh: bool
) -> None:
    ended = None if finished is None else PUSHED + timedelta(seconds=finished)
    seen = None if compared is None else PUSHED + timedelta(seconds=compared)
    said = unmet(operation=replace(DONE, finished_at=ended), reconciled_at=seen)
    assert ("older than its sync" not in said) is is_fresh


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"health": Health.PROGRESSING}, "it is Progressing"),
        ({"health": Health.PROGRESSING, "health_message": "m"}, "it is Progressing; m"),
        ({"health": Health.PROGRESSING, "health_message": "m", "unhealthy": ("u",)}, "it is Progressing; u"),
        ({"health": Health.SUSPENDED}, "it is Suspended; it goes on when somebody resumes it in Argo CD"),
    ],
)
def test_what_is_not_healthy_is_said_as_closely_as_it_is_known(facts: dict[str, Any], said: str) -> None:
    assert unmet(**facts) == said


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"reason": "ErrImagePull", "message": "denied"}, "it is Healthy; pod a: ErrImagePull (denied)"),
        ({"reason": "ErrImagePull"}, "it is Healthy; pod a: ErrImagePull"),
        ({"reason": "Init:ErrImagePull", "health": Health.DEGRADED}, "it is Healthy; pod a: Init:ErrImagePull"),
        ({"reason": "Pending", "health": Health.PROGRESSING}, ""),
        ({"reason": "ErrImagePull", "is_current": False}, ""),
        ({"reason": "ErrImagePull", "images": (SIDECAR,)}, ""),
    ],
)
def test_a_pod_of_ours_that_cannot_start_is_a_reason_though_the_application_is_healthy(
    facts: dict[str, Any], said: str
) -> None:
    pod = replace(Pod("a", (IMAGE,)), **facts)
    assert unmet(workloads=replace(WORKLOADS, pods=(pod,))) == said


@pytest.mark.parametrize(
    ("facts", "is_left"),
    [({}, True), ({"reason": "Completed"}, False), ({"of_job": True}, False), ({"images": (SIDECAR,)}, False)],
)
def test_a_pod_that_still_runs_the_image_before_is_waited_for(facts: dict[str, Any], is_left: bool) -> None:
    old = replace(Pod("b", (SIDECAR, OLD_IMAGE), is_current=False), **facts)
    said = unmet(workloads=replace(WORKLOADS, pods=(*WORKLOADS.pods, old)))
    assert said == (f"pod b still runs {OLD_IMAGE}" if is_left else "")


def answer(verdict: Verdict, kind: RolloutKind, *evidence: str) -> RolloutVerdict:
    return RolloutVerdict(verdict, kind, evidence)


CONFIRMED = answer(passed("a: good"), RolloutKind.CONFIRMED, "e")
WAITS = answer(pending("b: waits"), RolloutKind.SYNC)
BROKE = answer(failed("c: broke"), RolloutKind.DEGRADED, "f", "g")
OTHER = answer(failed("d: another"), RolloutKind.SUPERSEDED)


@pytest.mark.parametrize(
    ("answers", "verdict", "kind"),
    [
        ([CONFIRMED], passed("staging: runs it everywhere, Synced and Healthy: 0"), RolloutKind.CONFIRMED),
        (
            [CONFIRMED, CONFIRMED],
            passed("staging: runs it everywhere, Synced and Healthy: 0 and 1"),
            RolloutKind.CONFIRMED,
        ),
        ([CONFIRMED, WAITS], WAITS.verdict, RolloutKind.SYNC),
        ([CONFIRMED, WAITS, BROKE], BROKE.verdict, RolloutKind.DEGRADED),
        ([CONFIRMED, WAITS, BROKE, OTHER], OTHER.verdict, RolloutKind.SUPERSEDED),
    ],
)
def test_an_environment_of_several_applications_is_as_far_as_the_least_of_them(
    answers: list[RolloutVerdict], verdict: Verdict, kind: RolloutKind
) -> None:
    whole = decide_everywhere("staging", {str(number): one for number, one in enumerate(answers)})
    evidence = tuple(f"{number}: {line}" for number, one in enumerate(answers) for line in one.evidence)
    assert whole == RolloutVerdict(verdict, kind, evidence)


@pytest.mark.parametrize(
    ("name", "same", "is_same"),
    [
        ("nginx", "docker.io/library/nginx", True),
        ("nginx", "index.docker.io/library/nginx", True),
        ("acme/shop", "docker.io/acme/shop", True),
        ("acme/shop", "index.docker.io/acme/shop", True),
        ("acme/shop", "registry.example/acme/shop", False),
        ("localhost/shop", "docker.io/localhost/shop", False),
        ("localhost:5000/shop", "localhost/shop", False),
        ("registry:5000/shop", "docker.io/registry/shop", False),
        ("library/nginx", "nginx", True),
        ("registry.example/nginx", "registry.example/library/nginx", False),
    ],
)
def test_a_repository_of_docker_hub_has_several_names_and_every_other_has_one(
    name: str, same: str, is_same: bool
) -> None:
    one, other = (ImageReference(each, "v1", "sha256:" + digit * 64) for each, digit in ((name, "1"), (same, "0")))
    assert (others((other,), one) == (other,)) is is_same
    assert runs((replace(other, digest=one.digest),), one)


@pytest.mark.parametrize(
    ("facts", "is_mute"),
    [
        ({"reason": "Pending"}, True),
        ({"reason": "Init:0/1"}, True),
        ({"reason": "ErrImagePull"}, True),
        ({"reason": "ErrImagePull", "message": "denied"}, False),
        ({"reason": "Pending", "message": "no node"}, False),
        ({"reason": "Running"}, False),
        ({"reason": "ContainerCreating"}, False),
    ],
)
def test_a_pod_that_waits_without_a_word_is_mute(facts: dict[str, Any], is_mute: bool) -> None:
    assert Pod("a", **facts).is_mute is is_mute


def failing(seconds: float, **facts: Any) -> Observation:
    pod = replace(Pod("a", (IMAGE,), "ErrImagePull", Health.DEGRADED), **facts)
    status = replace(GOOD, health=Health.PROGRESSING)
    return replace(
        SEEN, at=PUSHED + timedelta(seconds=seconds), status=status, workloads=replace(WORKLOADS, pods=(pod,))
    )


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({}, "ErrImagePull since 60 s; look whether the registry holds the image and the cluster may pull it"),
        (
            {"message": "denied"},
            "ErrImagePull since 60 s (denied); look whether the registry holds the image and the cluster may pull it",
        ),
        ({"reason": "CreateContainerError"}, "CreateContainerError since 60 s; look at its logs in Argo CD"),
    ],
)
def test_a_pod_that_cannot_start_is_said_with_what_to_look_at(facts: dict[str, Any], said: str) -> None:
    verdict = decide_rollout(EXPECTATION, (failing(1, **facts), failing(61, **facts)))
    assert (verdict.kind, verdict.verdict.reason) == (RolloutKind.POD_FAILED, f"staging: pod a: {said}")


@pytest.mark.parametrize(
    ("restarts", "last", "is_over"), [(3, 61, True), (2, 61, False), (2, 120, False), (2, 121, True)]
)
def test_a_pod_that_crashed_once_or_twice_gets_twice_the_time(restarts: int, last: float, is_over: bool) -> None:
    crash = {"reason": "CrashLoopBackOff", "restarts": restarts}
    kind = decide_rollout(EXPECTATION, (failing(1, **crash), failing(last, **crash))).kind
    assert (kind is RolloutKind.POD_FAILED) is is_over


def test_a_look_that_does_not_know_the_pods_breaks_what_was_seen_of_one() -> None:
    blind = replace(failing(30), workloads=None)
    assert decide_rollout(EXPECTATION, (failing(1), blind, failing(61))).kind is RolloutKind.HEALTH
    assert (
        decide_rollout(EXPECTATION, (failing(1), failing(61), replace(blind, at=PUSHED))).kind is RolloutKind.MANIFESTS
    )


@pytest.mark.parametrize(("before", "kind"), [(5, RolloutKind.RENDER_FAILED), (6, RolloutKind.RENDERING)])
def test_a_render_error_counts_that_began_with_the_push_or_a_little_before(before: int, kind: RolloutKind) -> None:
    bad = Condition("ComparisonError", "broken", PUSHED - timedelta(seconds=before))
    old = Condition("ComparisonError", "older", PUSHED - timedelta(hours=1))
    status = replace(GOOD, conditions=(old, bad), sync=Sync.UNKNOWN)
    seen = tuple(replace(SEEN, at=PUSHED + timedelta(seconds=second), status=status) for second in (1, 30, 61))
    answer = decide_rollout(EXPECTATION, seen)
    assert answer.kind is kind
    assert ("ComparisonError: broken; correct" in answer.verdict.reason) is (kind is RolloutKind.RENDER_FAILED)


@pytest.mark.parametrize(
    ("facts", "outcome"),
    [
        ({}, Outcome.PASSED),
        ({"auto_sync": False, "sync": Sync.OUT_OF_SYNC}, Outcome.PASSED),
        ({"sync": Sync.OUT_OF_SYNC}, Outcome.PENDING),
        ({"reconciled_at": None}, Outcome.PENDING),
        ({"reconciled_at": PUSHED - timedelta(seconds=601)}, Outcome.PENDING),
        ({"reconciled_at": PUSHED - timedelta(seconds=600)}, Outcome.PASSED),
        ({"health": Health.UNKNOWN}, Outcome.PENDING),
        ({"conditions": (Condition("SyncError", "x"),)}, Outcome.FAILED),
        ({"conditions": (Condition("SharedResourceWarning", "x"),)}, Outcome.PASSED),
    ],
)
def test_an_environment_is_asked_again_by_what_it_is_now(facts: dict[str, Any], outcome: Outcome) -> None:
    look = replace(SEEN, status=replace(GOOD, **facts))
    assert decide_environment_still_healthy("staging", IMAGE, look).outcome is outcome


@pytest.mark.parametrize("where", ["desired", "live"])
def test_an_environment_that_also_names_another_image_of_ours_does_not_run_this_one(where: str) -> None:
    look = replace(SEEN, workloads=replace(WORKLOADS, **{where: (IMAGE, OLD_IMAGE)}))
    assert decide_environment_still_healthy("staging", IMAGE, look).reason == (
        f"staging: it runs {OLD_IMAGE}, no longer 111111111111"
    )
    look = replace(SEEN, workloads=replace(WORKLOADS, **{where: (SIDECAR,)}))
    assert decide_environment_still_healthy("staging", IMAGE, look).reason == (
        "staging: it runs another image, no longer 111111111111"
    )
