"""The races of a rollout, one row each: what is seen, and what must be said about it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tasks.domain.delivery.rollout import RolloutTimeouts
from tasks.domain.errors import ConfigurationError
from tasks.domain.image import ImageReference
from tasks.domain.rollout.decision import Refresh, decide_environment_still_healthy, decide_refresh, decide_rollout
from tasks.domain.rollout.everywhere import together
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
from tasks.domain.rollout.readiness import decide_readiness
from tasks.domain.rollout.sync_window import ClosedWindow
from tasks.domain.rollout.verdict import RolloutKind
from tasks.domain.verdict import Outcome, Verdict, failed, passed, pending

PUSHED = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
OURS, OLDER, NEWER = "c" * 40, "a" * 40, "e" * 40
IMAGE = ImageReference("registry.example/acme/shop-api", "c" * 40, "sha256:" + "1" * 64)
OLD_IMAGE = ImageReference("registry.example/acme/shop-api", "a" * 40, "sha256:" + "0" * 64)
TIMEOUTS = RolloutTimeouts(
    detect_seconds=300,
    sync_seconds=600,
    healthy_seconds=900,
    settle_seconds=15,
    degraded_grace_seconds=60,
    poll_seconds=5,
    window_seconds=7200,
)
CLOSED = ClosedWindow(("deny '0 8 * * *' UTC for 6h",), PUSHED + timedelta(hours=2))
EXPECTATION = Expectation("staging", OURS, IMAGE, PUSHED, "https://git.example/acme/gitops", "main", TIMEOUTS)
DONE = Operation(Phase.SUCCEEDED, OURS, "successfully synced", PUSHED, PUSHED + timedelta(seconds=2))
HEALTHY = ApplicationStatus(
    revision=OURS,
    sync=Sync.SYNCED,
    health=Health.HEALTHY,
    auto_sync=True,
    health_since=PUSHED,
    reconciled_at=PUSHED + timedelta(seconds=2),
    operation=DONE,
)
WORKLOADS = Workloads(desired=(IMAGE,), live=(IMAGE,), pods=(Pod("shop-api-7f", (IMAGE,)),))


def look(seconds: float, **facts: Any) -> Observation:
    """What is seen so many seconds after the push: everything as it should be, but for the given facts."""
    own: dict[str, Any] = {"contains": True, "operation_contains": True, "workloads": WORKLOADS}
    names = Observation.__dataclass_fields__.keys()
    own |= {name: value for name, value in facts.items() if name in names}
    status = replace(HEALTHY, **{name: value for name, value in facts.items() if name not in names})
    return Observation(PUSHED + timedelta(seconds=seconds), status, **own)


def looks(*seconds: float, **facts: Any) -> tuple[Observation, ...]:
    return tuple(look(second, **facts) for second in seconds)


def pod(reason: str, **facts: Any) -> Workloads:
    """Our image's only pod in trouble."""
    return replace(WORKLOADS, pods=(Pod("shop-api-7f", (IMAGE,), reason, Health.DEGRADED, **facts),))


def running(message: str = "", **facts: Any) -> Operation:
    return replace(DONE, phase=Phase.RUNNING, message=message, finished_at=None, **facts)


def error(kind: str = "ComparisonError", **facts: Any) -> dict[str, Any]:
    return {"conditions": (Condition(kind, "chart is broken", **facts),), "sync": Sync.UNKNOWN, "contains": None}


FAILED_SYNC = replace(DONE, phase=Phase.FAILED, message="one or more objects failed", failures=("Service a: denied",))
OLD_LIVE = replace(WORKLOADS, live=(OLD_IMAGE,))
OLD_POD = Workloads((IMAGE,), (IMAGE,), (Pod("shop-api-7f", (IMAGE,)), Pod("shop-api-5c", (OLD_IMAGE,))))
MANUAL = {"auto_sync": False, "sync": Sync.OUT_OF_SYNC}

# The numbers are those of the race catalogue in the design notes: what is seen, over which seconds, and the kind.
RACES = [
    ("1 the release before is still Synced and Healthy", looks(1, 20, revision=OLDER, contains=False), "detection"),
    ("2 the refresh showed the old commit once", (*looks(1, contains=False), *looks(5, 10)), "settling"),
    ("3 our commit is seen, but no sync was requested", looks(1, 20, sync=Sync.OUT_OF_SYNC), "sync"),
    ("4 Synced at ours, but a hook still runs", looks(1, 20, operation=running("waiting for hook")), "operation"),
    ("4 Synced at ours, but a sync is requested", looks(1, 20, operation=Operation(Phase.REQUESTED)), "operation"),
    (
        "4 between two tries: a finish time in a sync that runs",
        looks(1, 20, operation=replace(running("Retrying attempt #2"), finished_at=PUSHED)),
        "operation",
    ),
    (
        "5 an older commit's sync failed, ours needed none",
        looks(1, 20, operation=replace(FAILED_SYNC, revision=OLDER), operation_contains=False),
        "confirmed",
    ),
    (
        "5 it cannot be told whose sync failed",
        looks(1, 20, operation=FAILED_SYNC, operation_contains=None),
        "operation",
    ),
    ("6 the health is from before the sync", looks(1, 20, reconciled_at=PUSHED), "freshness"),
    ("7 Healthy before the controller saw the change", looks(1, 20, workloads=OLD_POD), "old-pods"),
    ("8 it was good for too short a time", looks(1, 15), "settling"),
    ("8 one look does not settle anything", looks(100), "settling"),
    (
        "8 its health changed between two good looks",
        (*looks(1), *looks(20, health_since=PUSHED + timedelta(seconds=9))),
        "settling",
    ),
    (
        "8 it was synced again between two good looks",
        (*looks(1), *looks(20, operation=replace(DONE, started_at=PUSHED + timedelta(seconds=1)))),
        "settling",
    ),
    ("8 a bad look starts the time again", (*looks(1), look(10, health=Health.PROGRESSING), look(20)), "settling"),
    ("9 Degraded for a moment is put up with", looks(1, 60, health=Health.DEGRADED), "health"),
    ("9 Degraded for longer is not", looks(1, 30, 61, health=Health.DEGRADED), "degraded"),
    (
        "9 the release before is Degraded, ours is not applied yet",
        looks(1, 100, health=Health.DEGRADED, sync=Sync.OUT_OF_SYNC, workloads=OLD_LIVE),
        "sync",
    ),
    (
        "9 Degraded with a break starts again",
        (look(1, health=Health.DEGRADED), look(30), *looks(31, 80, health=Health.DEGRADED)),
        "health",
    ),
    ("10 a later commit with our image", looks(1, 20, revision=NEWER), "confirmed"),
    ("10 a later commit with another image", looks(1, revision=NEWER, superseded_by=OLD_IMAGE), "superseded"),
    ("11 no operation at our commit", looks(1, 20, operation=None, operation_contains=None), "confirmed"),
    ("12 OutOfSync and nothing happens", looks(599, 601, sync=Sync.OUT_OF_SYNC), "timed-out"),
    (
        "13 the sync of an older commit is retried",
        looks(1, 20, operation=running(revision=OLDER, retries=2), operation_contains=False),
        "operation",
    ),
    ("14 the sync of ours failed", looks(1, operation=FAILED_SYNC, sync=Sync.OUT_OF_SYNC), "sync-failed"),
    (
        "14 ours failed, but a newer commit may heal it",
        looks(1, operation=FAILED_SYNC, sync=Sync.OUT_OF_SYNC, revision=NEWER),
        "operation",
    ),
    (
        "14 ours failed by hand, and nobody tries another commit",
        looks(1, **MANUAL, operation=FAILED_SYNC, revision=NEWER),
        "sync-failed",
    ),
    (
        "17 a window that was in the way of a sync that is over",
        looks(1, 20, operation=replace(DONE, message="was blocked by sync window")),
        "confirmed",
    ),
    ("17 a sync window", looks(601, 3600, sync=Sync.OUT_OF_SYNC, window=CLOSED), "sync-window"),
    ("17 a window that stays closed too long", looks(1, 7201, sync=Sync.OUT_OF_SYNC, window=CLOSED), "timed-out"),
    (
        "17 the limits begin anew when a window opens",
        (*looks(7000, sync=Sync.OUT_OF_SYNC, window=CLOSED), *looks(7599, sync=Sync.OUT_OF_SYNC)),
        "sync",
    ),
    (
        "17 and are limits again then",
        (*looks(7000, sync=Sync.OUT_OF_SYNC, window=CLOSED), *looks(7599, 7601, sync=Sync.OUT_OF_SYNC)),
        "timed-out",
    ),
    ("17 a window during the sync", looks(1, operation=running("blocked by sync window")), "sync-window"),
    ("20 not synced by Argo CD itself", looks(1, 20, **MANUAL, operation_contains=False), "sync"),
    ("20 synced by hand, then the branch moved on", looks(1, 20, **MANUAL, revision=NEWER), "confirmed"),
    ("21 rendered from an older commit", looks(1, 20, workloads=replace(WORKLOADS, desired=(OLD_IMAGE,))), "manifests"),
    ("21 live objects still of the older commit", looks(1, 20, workloads=OLD_LIVE), "live-state"),
    (
        "21 one of two workloads has another digest",
        looks(1, 20, workloads=replace(WORKLOADS, desired=(IMAGE, OLD_IMAGE))),
        "manifests",
    ),
    ("22 the controller is down", looks(299, 301, contains=False, reconciled_at=None), "timed-out"),
    ("23 rendering fails twice", looks(1, 70, **error()), "rendering"),
    ("23 rendering fails thrice within a moment", looks(1, 20, 60, **error()), "rendering"),
    ("23 rendering fails for good", looks(1, 30, 61, **error(since=PUSHED)), "render-failed"),
    (
        "23 rendering failed before the push",
        looks(1, 30, 61, **error(since=PUSHED - timedelta(hours=1))),
        "rendering",
    ),
    ("a canary pauses", looks(1, 20, health=Health.SUSPENDED), "suspended"),
    ("an aborted canary", looks(1, health=Health.DEGRADED, unhealthy=("Rollout a: RolloutAborted",)), "aborted"),
    (
        "the canary before was aborted, ours is not applied yet",
        looks(
            1,
            health=Health.DEGRADED,
            unhealthy=("Rollout a: RolloutAborted",),
            sync=Sync.OUT_OF_SYNC,
            workloads=OLD_LIVE,
        ),
        "sync",
    ),
    ("9 two looks are enough for Degraded", looks(1, 61, health=Health.DEGRADED), "degraded"),
    (
        "a pod that could not pull starts now",
        (
            *looks(1, 61, workloads=pod("ImagePullBackOff")),
            look(62, health=Health.PROGRESSING, workloads=pod("ContainerCreating")),
        ),
        "health",
    ),
    (
        "two pods could not pull for a moment each",
        (
            look(1, workloads=pod("ImagePullBackOff")),
            look(61, workloads=replace(WORKLOADS, pods=(replace(pod("ImagePullBackOff").pods[0], name="b"),))),
        ),
        "health",
    ),
    (
        "a pod was well between two crashes",
        (
            look(1, workloads=pod("CrashLoopBackOff", restarts=3)),
            look(30),
            look(61, workloads=pod("CrashLoopBackOff", restarts=3)),
        ),
        "health",
    ),
    (
        "a pod was not there between two crashes",
        (
            look(1, workloads=pod("CrashLoopBackOff", restarts=3)),
            look(30, workloads=replace(WORKLOADS, pods=())),
            look(61, workloads=pod("CrashLoopBackOff", restarts=3)),
        ),
        "health",
    ),
    (
        "objects are missing since another commit",
        looks(1, 61, health=Health.MISSING, operation_contains=False),
        "health",
    ),
    ("objects are gone for a moment", looks(1, 30, health=Health.MISSING), "health"),
    (
        "an error that is none of rendering",
        looks(1, 30, 61, conditions=(Condition("SyncError", "failed last sync attempt"),), sync=Sync.OUT_OF_SYNC),
        "sync",
    ),
    ("objects are gone after the sync", looks(1, 61, health=Health.MISSING), "missing"),
    ("objects are not there yet", looks(1, 61, health=Health.MISSING, operation=running()), "operation"),
    ("a pod cannot pull, for a moment", looks(1, 60, workloads=pod("ImagePullBackOff")), "health"),
    ("a pod cannot pull", looks(1, 61, health=Health.PROGRESSING, workloads=pod("ImagePullBackOff")), "pod-failed"),
    (
        "a pull fails in two ways by turns",
        (look(1, workloads=pod("ErrImagePull")), look(61, workloads=pod("ImagePullBackOff"))),
        "pod-failed",
    ),
    ("an init container cannot pull", looks(1, 61, workloads=pod("Init:ErrImagePull")), "pod-failed"),
    ("a pod crashes once, then waits", looks(1, 61, workloads=pod("CrashLoopBackOff", restarts=1)), "health"),
    ("a pod crashes again and again", looks(1, 61, workloads=pod("CrashLoopBackOff", restarts=3)), "pod-failed"),
    (
        "a pod looks alive between two crashes",
        (
            look(1, workloads=pod("CrashLoopBackOff", restarts=2)),
            look(30, workloads=pod("Running", restarts=3)),
            look(61, workloads=pod("CrashLoopBackOff", restarts=3)),
        ),
        "pod-failed",
    ),
    (
        "an old generation's pod fails",
        looks(1, 61, workloads=pod("ImagePullBackOff", is_current=False)),
        "confirmed",
    ),
    ("it takes too long to become healthy", looks(800, 901, health=Health.PROGRESSING), "timed-out"),
    ("it is seen late, but it is well", looks(5000, 5020), "confirmed"),
    ("a late first look may be stale", looks(5000, contains=False), "detection"),
]


@pytest.mark.parametrize(("seen", "kind"), [row[1:] for row in RACES], ids=[row[0] for row in RACES])
def test_each_race_has_its_own_answer(seen: tuple[Observation, ...], kind: str) -> None:
    assert decide_rollout(EXPECTATION, seen).kind == kind


def test_a_rollout_that_flaps_for_ever_ends() -> None:
    flapping = tuple(look(s, health_since=PUSHED + timedelta(seconds=s)) for s in range(1, 1000, 10))

    answer = decide_rollout(EXPECTATION, flapping)

    assert answer.kind is RolloutKind.TIMED_OUT
    assert "changes again and again" in answer.verdict.reason


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (
            looks(1, 20),
            "staging: runs 111111111111 of ccccccc, Synced and Healthy",
        ),
        (
            looks(1, 61, workloads=pod("CrashLoopBackOff", restarts=4)),
            "staging: pod shop-api-7f: CrashLoopBackOff since 60 s; look at its logs in Argo CD",
        ),
        (
            looks(1, 301, contains=False, revision=OLDER, reconciled_at=PUSHED - timedelta(hours=1)),
            (
                "staging: not rolled out 301 s after the push (at most 300 s): Argo CD sees aaaaaaa, not yet ccccccc; "
                "it has not compared since the push: look whether its controller runs and reconciles it"
            ),
        ),
        (
            looks(1, operation=FAILED_SYNC),
            (
                "staging: the sync of ccccccc failed: one or more objects failed; Service a: denied; "
                "correct the cause, then sync it in Argo CD"
            ),
        ),
        (
            looks(1, revision=NEWER, superseded_by=OLD_IMAGE),
            f"staging: superseded: commit eeeeeee wants {OLD_IMAGE}",
        ),
        (
            looks(1, health=Health.PROGRESSING, workloads=pod("ContainerCreating")),
            "staging: it is Progressing; pod shop-api-7f: ContainerCreating",
        ),
        (
            looks(1, 2, operation=running("retrying", revision=OLDER, retries=2), operation_contains=False),
            (
                "staging: the sync of aaaaaaa is running: retrying; it retries an older commit than ccccccc: "
                "terminate it in Argo CD"
            ),
        ),
    ],
)
def test_the_sentence_says_what_to_look_at(seen: tuple[Observation, ...], reason: str) -> None:
    assert decide_rollout(EXPECTATION, seen).verdict.reason == reason


TIMES = "started 2026-03-01 12:00:00 UTC, ended 2026-03-01 12:00:02 UTC"


def test_the_evidence_names_the_facts() -> None:
    seen = looks(1, 61, health=Health.DEGRADED, unhealthy=("Deployment shop-api is Degraded: too slow",))

    assert decide_rollout(EXPECTATION, seen).evidence == (
        f"Synced at {OURS}, compared 2026-03-01 12:00:02 UTC",
        "Degraded since 2026-03-01 12:00:00 UTC",
        f"sync of ccccccc: Succeeded, {TIMES}: successfully synced",
        "Deployment shop-api is Degraded: too slow",
        "pod shop-api-7f: Running, 0 restarts",
        "2 looks; since the push: seen after 1 s, applied after 1 s",
    )


@pytest.mark.parametrize(("is_older", "retries", "is_said"), [(True, 2, True), (True, 0, False), (False, 2, False)])
def test_only_retries_of_an_older_commit_are_to_be_terminated(is_older: bool, retries: int, is_said: bool) -> None:
    operation = running("at it", retries=retries)
    seen = looks(1, operation=operation, operation_contains=not is_older)

    assert ("terminate it in Argo CD" in decide_rollout(EXPECTATION, seen).verdict.reason) is is_said


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (
            {"unhealthy": ("Deployment a is Degraded", "Job b is Degraded")},
            "Deployment a is Degraded; Job b is Degraded",
        ),
        ({"health_message": "Caused by apps/Deployment:a"}, "Caused by apps/Deployment:a"),
        ({}, "look at its resources in Argo CD"),
    ],
)
def test_degraded_says_what_is_degraded(facts: dict[str, Any], words: str) -> None:
    seen = looks(1, 61, health=Health.DEGRADED, **facts)

    assert decide_rollout(EXPECTATION, seen).verdict.reason == f"staging: it is Degraded since 60 s: {words}"


NOT_COMPARED = "it has not compared since the push"


@pytest.mark.parametrize(
    ("seconds", "compared", "is_said"),
    [
        (74, None, False),
        (76, None, True),
        (76, PUSHED - timedelta(seconds=2), True),
        (76, PUSHED, False),
        (10, PUSHED - timedelta(hours=1), False),
    ],
)
def test_a_controller_that_sleeps_is_named_once_it_should_have_looked(
    seconds: float, compared: datetime | None, is_said: bool
) -> None:
    seen = looks(seconds, contains=False, revision=OLDER, reconciled_at=compared)

    assert (NOT_COMPARED in decide_rollout(EXPECTATION, seen).verdict.reason) is is_said


@pytest.mark.parametrize(
    ("revision", "words"),
    [
        (None, "staging: Argo CD sees no commit, not yet ccccccc"),
        (NEWER, "staging: it cannot be told whether eeeeeee, which Argo CD sees, contains ccccccc"),
    ],
)
def test_what_cannot_be_told_of_a_commit_is_said(revision: str | None, words: str) -> None:
    assert decide_rollout(EXPECTATION, looks(1, contains=None, revision=revision)).verdict.reason == words


WITH_NAMES = replace(WORKLOADS, images_of=(("Deployment a", (IMAGE,)), ("Job b", (OLD_IMAGE,))))


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        ({"out_of_sync": (OutOfSync("Service a"),)}, RolloutKind.CONFIRMED),
        ({"out_of_sync": (OutOfSync("Deployment a"),)}, RolloutKind.SYNC),
        ({"out_of_sync": (), "sync": Sync.UNKNOWN}, RolloutKind.SYNC),
        ({"out_of_sync": (), "sync": Sync.SYNCED}, RolloutKind.CONFIRMED),
    ],
)
def test_only_our_workloads_have_to_be_synced_where_that_is_asked(facts: dict[str, Any], kind: RolloutKind) -> None:
    loose = replace(EXPECTATION, must_be_synced="workloads")
    seen = looks(1, 20, **({"sync": Sync.OUT_OF_SYNC, "workloads": WITH_NAMES} | facts))

    assert decide_rollout(loose, seen).kind is kind
    assert decide_environment_still_healthy("staging", IMAGE, seen[-1], "workloads").has_passed is (
        kind is RolloutKind.CONFIRMED
    )


@pytest.mark.parametrize(
    ("left", "words"),
    [
        ((OutOfSync("Service a", to_prune=True),), "only what git has no longer is left (Service a): have it pruned"),
        ((OutOfSync("Service a"), OutOfSync("Job b", to_prune=True)), "should start one for Service a, Job b: sync it"),
        ((), "auto-sync should start one: sync it by hand in Argo CD"),
        (tuple(OutOfSync(f"Job {n}") for n in range(9)), "for Job 0, Job 1, Job 2, Job 3, Job 4, ...: sync it"),
    ],
)
def test_what_keeps_an_application_out_of_sync_is_named(left: tuple[OutOfSync, ...], words: str) -> None:
    seen = looks(1, sync=Sync.OUT_OF_SYNC, out_of_sync=left)

    assert words in decide_rollout(EXPECTATION, seen).verdict.reason


def test_the_evidence_says_when_each_step_was_seen() -> None:
    seen = (
        look(1, contains=False),
        look(5, workloads=OLD_LIVE),
        look(9, health=Health.PROGRESSING),
        look(20),
    )

    assert decide_rollout(EXPECTATION, seen).evidence[-1] == (
        "4 looks; since the push: seen after 5 s, applied after 9 s, healthy after 20 s"
    )
    assert decide_rollout(EXPECTATION, seen[:1]).evidence[-1] == "1 looks; since the push: not even seen"


def test_the_evidence_names_what_went_wrong() -> None:
    operation = replace(FAILED_SYNC, retries=2)
    workloads = replace(
        pod("ImagePullBackOff", message="no such image"), images_of=(("Deployment shop-api", (IMAGE,)), ("Job b", ()))
    )
    seen = looks(1, operation=operation, out_of_sync=(OutOfSync("Service b", to_prune=True),), workloads=workloads)

    assert decide_rollout(EXPECTATION, seen).evidence[2:] == (
        f"sync of ccccccc: Failed, {TIMES}, tried again 2 times: one or more objects failed",
        "Service a: denied",
        "Service b is OutOfSync, to be pruned",
        f"Deployment shop-api is rendered with {IMAGE.repository} {IMAGE.short_digest}",
        "pod shop-api-7f: ImagePullBackOff, 0 restarts (no such image)",
        "1 looks; since the push: seen after 1 s, applied after 1 s, healthy after 1 s",
    )


A, B = failed("a: broken"), pending("b: moves")


@pytest.mark.parametrize(
    ("verdicts", "whole"),
    [
        ([passed("a: fine"), passed("b: fine")], passed("a: fine; b: fine")),
        ([passed("a: fine"), B], B),
        ([B, A], A),
    ],
)
def test_an_environment_is_no_better_than_its_worst_application(verdicts: list[Verdict], whole: Verdict) -> None:
    assert together(verdicts) == whole


def test_a_closed_window_is_named_with_the_time_at_which_it_opens() -> None:
    answer = decide_rollout(EXPECTATION, looks(60, sync=Sync.OUT_OF_SYNC, window=CLOSED))

    assert answer.verdict == pending(
        "staging: a sync window of the Argo CD project keeps the change back until Sun 2026-03-01 14:00 UTC "
        "(deny '0 8 * * *' UTC for 6h); wait for it to pass, or change it"
    )


def test_what_would_keep_a_change_back_is_said_before_it_is_written() -> None:
    assert decide_readiness("shop-api", HEALTHY).has_passed
    assert "skip-reconcile" in decide_readiness("shop-api", replace(HEALTHY, skips_reconciliation=True)).reason


def test_only_a_failure_that_nobody_has_answered_yet_calls_for_a_rollback() -> None:
    answers = [decide_rollout(EXPECTATION, row[1]) for row in RACES]

    assert {a.kind for a in answers if a.calls_for_rollback} == {
        RolloutKind.RENDER_FAILED,
        RolloutKind.SYNC_FAILED,
        RolloutKind.POD_FAILED,
        RolloutKind.DEGRADED,
        RolloutKind.MISSING,
        RolloutKind.ABORTED,
        RolloutKind.TIMED_OUT,
    }
    assert {a.kind for a in answers if a.is_final and not a.calls_for_rollback} == {
        RolloutKind.CONFIRMED,
        RolloutKind.SUPERSEDED,
    }


def test_one_look_is_never_enough() -> None:
    at_once = replace(EXPECTATION, timeouts=TIMEOUTS.model_copy(update={"settle_seconds": 0}))

    assert decide_rollout(at_once, looks(20)).kind is RolloutKind.SETTLING
    assert decide_rollout(at_once, looks(20, 20)).kind is RolloutKind.CONFIRMED


def test_an_unasked_argo_cd_has_said_nothing() -> None:
    assert decide_rollout(EXPECTATION, ()).verdict.outcome is Outcome.PENDING


def test_an_image_is_the_same_under_every_spelling_of_docker_hub() -> None:
    short = ImageReference("nginx", digest=IMAGE.digest)
    long = ImageReference("docker.io/library/nginx", "1", OLD_IMAGE.digest)
    seen = looks(1, 20, workloads=Workloads(desired=(short, long), live=(short,)))

    answer = decide_rollout(replace(EXPECTATION, image=short), seen)

    assert answer.verdict.reason == (
        f"staging: what Argo CD renders also names {long}; give every workload of this repository the same digest"
    )


def test_a_job_that_was_started_before_may_finish() -> None:
    job = Pod("backup-1", (OLD_IMAGE,), of_job=True)
    seen = looks(1, 20, workloads=replace(WORKLOADS, pods=(*WORKLOADS.pods, job)))

    assert decide_rollout(EXPECTATION, seen).kind is RolloutKind.CONFIRMED


@pytest.mark.parametrize(
    "loose",
    [
        {"revision": "main"},
        {"image": ImageReference("registry.example/a", "1")},
        {"pushed_at": datetime(2026, 3, 1)},
    ],
)
def test_an_expectation_cannot_be_loose(loose: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        replace(EXPECTATION, **loose)


MOVED_ON = replace(WORKLOADS, desired=(OLD_IMAGE,), live=(OLD_IMAGE,))
STILL = [
    ({}, passed("staging: runs 111111111111, Synced and Healthy")),
    ({"revision": NEWER, "operation": None}, passed("staging: runs 111111111111, Synced and Healthy")),
    ({"health": Health.DEGRADED, "health_message": "no replicas"}, failed("staging: it is Degraded: no replicas")),
    (
        {"health": Health.DEGRADED, "unhealthy": ("Deployment a is Degraded",), "health_message": "of old"},
        failed("staging: it is Degraded: Deployment a is Degraded"),
    ),
    ({"health": Health.MISSING}, failed("staging: it is Missing")),
    ({"health": Health.PROGRESSING}, pending("staging: it is Progressing")),
    ({"health": Health.UNKNOWN}, pending("staging: it is Unknown")),
    ({"workloads": MOVED_ON}, failed(f"staging: it runs {OLD_IMAGE}, no longer 111111111111")),
    (
        {"workloads": replace(WORKLOADS, desired=())},
        failed("staging: it runs another image, no longer 111111111111"),
    ),
    ({"workloads": replace(WORKLOADS, live=())}, failed("staging: it runs another image, no longer 111111111111")),
    (
        {"workloads": replace(WORKLOADS, live=(IMAGE, OLD_IMAGE))},
        failed(f"staging: it runs {OLD_IMAGE}, no longer 111111111111"),
    ),
    (
        {"reconciled_at": None},
        pending("staging: Argo CD has not looked at it for a while; look whether its controller runs"),
    ),
    ({"workloads": Workloads()}, failed("staging: it runs another image, no longer 111111111111")),
    ({"workloads": None}, failed("staging: it runs another image, no longer 111111111111")),
    ({"operation": running("waiting")}, pending("staging: a sync is running waiting")),
    ({"sync": Sync.OUT_OF_SYNC}, pending("staging: it is OutOfSync")),
    (error(), failed("staging: ComparisonError: chart is broken")),
    (
        {"reconciled_at": PUSHED - timedelta(hours=1)},
        pending("staging: Argo CD has not looked at it for a while; look whether its controller runs"),
    ),
]


@pytest.mark.parametrize(("facts", "verdict"), STILL)
def test_an_environment_is_still_healthy_or_the_reason_why_not(facts: dict[str, Any], verdict: Verdict) -> None:
    assert decide_environment_still_healthy("staging", IMAGE, look(60, **facts)) == verdict


def asked(*refreshes: tuple[float, Refresh]) -> list[tuple[datetime, Refresh]]:
    return [(PUSHED + timedelta(seconds=seconds), refresh) for seconds, refresh in refreshes]


N, H = Refresh.NORMAL, Refresh.HARD
REFRESHES = [
    ("the first look always asks", RolloutKind.SETTLING, [], 0, N),
    ("not again too soon", RolloutKind.DETECTION, [(0, N)], 14, None),
    ("again, for requests are dropped", RolloutKind.DETECTION, [(0, N)], 15, N),
    ("not where git is not what is waited for", RolloutKind.HEALTH, [(0, N)], 100, None),
    ("a health from before the sync is renewed", RolloutKind.FRESHNESS, [(0, N)], 15, N),
    ("hard after three", RolloutKind.MANIFESTS, [(0, N), (15, N), (30, N)], 45, H),
    ("hard only once", RolloutKind.MANIFESTS, [(0, N), (15, N), (30, N), (45, H)], 60, N),
]


@pytest.mark.parametrize(
    ("kind", "so_far", "seconds", "refresh"), [row[1:] for row in REFRESHES], ids=[row[0] for row in REFRESHES]
)
def test_argo_cd_is_asked_to_refresh(
    kind: RolloutKind, so_far: list[tuple[float, Refresh]], seconds: float, refresh: Refresh | None
) -> None:
    at = PUSHED + timedelta(seconds=seconds)

    assert decide_refresh(kind, asked(*so_far), at, every_seconds=15) == refresh
