"""The races of a rollout, one test each: the sandbox's Argo CD with the fault for it, real git, and the verdict.

The numbers are those of the race catalogue in the design notes; tests/unit/test_rollout.py has the same rules on facts.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from prefect.logging import disable_run_logger

from deployments.sandbox.argocd.accounts import READ_EVERYTHING, Right
from deployments.sandbox.argocd.rehearsal import (
    FILE,
    MANIFEST,
    NEW,
    OLD,
    OTHER,
    QUIET,
    Rehearsal,
    deployment,
    is_settled,
    open_rehearsal,
)
from deployments.sandbox.argocd.sync_policy import is_automated
from deployments.sandbox.argocd.windows import SyncWindow
from deployments.sandbox.github.bare_repository import NOTHING, BareRepository, Identity
from tasks.argocd.rollout import preflight, wait_for_rollout
from tasks.argocd.windows import read_closed_window
from tasks.domain.delivery.rollout import ArgoCDTarget, MustBeSynced, RolloutTimeouts
from tasks.domain.image import ImageReference
from tasks.domain.rollout.facts import Expectation
from tasks.domain.rollout.sync_window import ClosedWindow
from tasks.domain.rollout.verdict import RolloutKind, RolloutVerdict
from tasks.domain.verdict import Verdict
from tasks.gitops.desired_state import contains, image_at

TARGET = ArgoCDTarget(application="shop-api-staging")
LONG = 20
QUICK = RolloutTimeouts(
    detect_seconds=LONG,
    sync_seconds=LONG,
    healthy_seconds=LONG,
    settle_seconds=0,
    degraded_grace_seconds=0,
    poll_seconds=0.05,
)
# For faults that only time heals: the stand-in then looks at git by itself.
LIVELY = replace(QUIET, comparison_poll=0.3)
SERVICE = """\
apiVersion: v1
kind: Service
metadata:
  name: shop-api
spec:
  selector: {app: shop-api}
  ports: [{port: 80, targetPort: 8080}]
"""


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TIDEGATE_CACHE", str(tmp_path / "cache"))
    with disable_run_logger():
        yield


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Rehearsal]:
    """With one Application that syncs by itself and runs OLD."""
    with open_rehearsal(tmp_path) as rehearsal:
        yield started(rehearsal)


@pytest.fixture
def lively(tmp_path: Path) -> Iterator[Rehearsal]:
    """The same with a controller that looks at git every 0.3 s by itself."""
    with open_rehearsal(tmp_path, timing=LIVELY) as rehearsal:
        yield started(rehearsal)


@pytest.fixture
def manual(tmp_path: Path) -> Iterator[Rehearsal]:
    """With one Application that somebody has to sync, and a token that may."""
    rights = (*READ_EVERYTHING, Right("applications", "sync", "*/*"))
    with open_rehearsal(tmp_path, rights=rights) as rehearsal:
        rehearsal.add()
        rehearsal.until(lambda a: a["status"].get("sync", {}).get("status") == "OutOfSync")
        yield rehearsal


def started(place: Rehearsal, **spec: Any) -> Rehearsal:
    place.add(**({"automated": {"prune": True, "selfHeal": True}} | spec))
    place.until(is_settled)
    return place


def follow(
    place: Rehearsal,
    revision: str,
    image: ImageReference = NEW,
    *,
    must_be_synced: MustBeSynced = "application",
    **seconds: float,
) -> RolloutVerdict:
    timeouts = QUICK.model_copy(update=seconds)
    expectation = Expectation(
        "staging", revision, image, datetime.now(UTC), place.gitops.url, "main", timeouts, must_be_synced
    )
    ask = partial(contains.fn, place.gitops), partial(image_at.fn, place.gitops, MANIFEST)
    answer = wait_for_rollout.fn(place.server, TARGET, expectation, *ask)
    application = place.state.store.get(place.state.name(TARGET.application)) or {}
    assert is_automated(application) <= (place.writes == []), place.writes
    return answer


@contextmanager
def after(seconds: float, act: Callable[[], object]) -> Iterator[None]:
    """Something that happens while the block waits; the block ends only when it has."""
    timer = threading.Timer(seconds, act)
    timer.start()
    try:
        yield
    finally:
        timer.join()


def confirmed(answer: RolloutVerdict) -> bool:
    return answer.kind is RolloutKind.CONFIRMED and answer.verdict.has_passed


def timed_out(answer: RolloutVerdict, sentence: str) -> None:
    assert answer.kind is RolloutKind.TIMED_OUT, answer
    assert sentence in answer.verdict.reason
    assert answer.evidence


def faults(place: Rehearsal) -> Any:
    return place.state.faults.of("shop-api-staging")


def test_a_promotion_is_confirmed_and_nothing_is_written_to_the_cluster(place: Rehearsal) -> None:
    revision = place.promote()

    answer = follow(place, revision)

    assert confirmed(answer), answer
    assert answer.verdict.reason == f"staging: runs 222222222222 of {revision[:7]}, Synced and Healthy"
    assert place.writes == []


# 1 and 2: what is seen is the release before


def test_the_release_before_is_not_taken_for_ours_while_refreshes_change_nothing(place: Rehearsal) -> None:
    faults(place).dropped_refreshes = 1000
    before = place.repository.head("main") or ""
    revision = place.promote()

    answer = follow(place, revision, detect_seconds=1)

    timed_out(answer, f"Argo CD sees {before[:7]}, not yet {revision[:7]}")


def test_refreshes_that_are_dropped_are_repeated(place: Rehearsal) -> None:
    faults(place).dropped_refreshes = 2

    assert confirmed(follow(place, place.promote()))


def test_a_refresh_that_never_ends_holds_nothing_up(lively: Rehearsal) -> None:
    faults(lively).refresh_hangs = True

    assert confirmed(follow(lively, lively.promote()))


# 3 and 12: seen, but no sync


def test_out_of_sync_at_our_commit_is_waited_for_until_its_sync_is_requested(lively: Rehearsal) -> None:
    faults(lively).skipped_auto_syncs = 3

    assert confirmed(follow(lively, lively.promote()))
    assert lively.writes == []


def test_an_auto_sync_that_never_starts_is_named_and_not_started_by_us(lively: Rehearsal) -> None:
    faults(lively).skipped_auto_syncs = -1
    revision = lively.promote()

    answer = follow(lively, revision, sync_seconds=1)

    timed_out(answer, f"{revision[:7]} is OutOfSync and no sync runs; auto-sync should start one")
    assert "for Deployment shop-api: sync it by hand in Argo CD" in answer.verdict.reason


# 4: Synced, but the operation is not over

HOOK = """\
apiVersion: batch/v1
kind: Job
metadata:
  name: migrate
  annotations: {argocd.argoproj.io/hook: %s}
spec:
  template: {spec: {restartPolicy: Never, containers: [{name: migrate, image: migrate}]}}
"""


@pytest.mark.parametrize("phase", ["PreSync", "Sync", "PostSync"])
def test_a_hook_that_still_runs_is_waited_for(place: Rehearsal, phase: str) -> None:
    place.commit({"demo/hook.yaml": HOOK % phase})
    place.cluster.jobs = "running"
    revision = place.promote()

    def finish() -> None:
        place.cluster.jobs = "done"
        place.cluster.tell()

    with after(0.8, finish):
        waiting = follow(place, revision, sync_seconds=0)
        assert confirmed(follow(place, revision))
    timed_out(waiting, "waiting for completion of hook batch/Job/migrate")


@pytest.mark.parametrize("phase", ["PreSync", "PostSync"])
def test_a_hook_that_fails_fails_the_rollout(tmp_path: Path, phase: str) -> None:
    with open_rehearsal(tmp_path) as place:
        started(place, syncPolicy={"automated": {}, "retry": {"limit": 0}})
        place.commit({"demo/hook.yaml": HOOK % phase})
        place.cluster.jobs = "failed"

        answer = follow(place, place.promote())

    assert answer.kind is RolloutKind.SYNC_FAILED
    assert "one or more synchronization tasks completed unsuccessfully" in answer.verdict.reason
    assert "Job migrate" in answer.verdict.reason
    assert answer.calls_for_rollback


# 5, 13, 14: syncs that fail, of other commits and of ours

NO_RETRY = {"automated": {}, "retry": {"limit": 0}}


def test_the_failed_sync_of_an_older_commit_is_not_ours(tmp_path: Path) -> None:
    with open_rehearsal(tmp_path) as place:
        started(place, syncPolicy=NO_RETRY)
        faults(place).failing_syncs = 1
        place.commit({"demo/service.yaml": SERVICE})
        place.state.request_refresh("shop-api-staging")
        place.until(lambda a: a["status"].get("conditions"))

        assert confirmed(follow(place, place.promote()))


def test_an_older_failure_stays_an_older_one_where_our_commit_needs_no_sync(tmp_path: Path) -> None:
    with open_rehearsal(tmp_path) as place:
        started(place, syncPolicy=NO_RETRY)
        faults(place).failing_syncs = 1
        place.commit({"demo/service.yaml": SERVICE})
        place.state.request_refresh("shop-api-staging")
        place.until(lambda a: a["status"].get("conditions"))
        # What is wanted is what already runs, so nothing is synced at our commit.
        revision = place.commit({"demo/service.yaml": None})

        assert confirmed(follow(place, revision, OLD))


def test_the_failed_sync_of_our_commit_is_told_with_the_clusters_words(tmp_path: Path) -> None:
    with open_rehearsal(tmp_path) as place:
        started(place, syncPolicy=NO_RETRY)
        faults(place).failing_syncs = -1

        answer = follow(place, place.promote())

    assert answer.kind is RolloutKind.SYNC_FAILED
    assert "admission webhook denied the request" in answer.verdict.reason
    assert "Deployment shop-api" in answer.verdict.reason


def test_a_sync_that_is_tried_again_is_not_over_between_two_tries(place: Rehearsal) -> None:
    faults(place).failing_syncs = 2

    assert confirmed(follow(place, place.promote()))


def test_retries_of_an_older_commit_that_block_ours_are_named(tmp_path: Path) -> None:
    with open_rehearsal(tmp_path) as place:
        # The real back-off, so that the retries do not run out.
        retry = {"limit": -1, "backoff": {"duration": "10s", "factor": 1}}
        started(place, syncPolicy={"automated": {}, "retry": retry})
        faults(place).failing_syncs = -1
        older = place.commit({"demo/service.yaml": SERVICE})
        place.state.request_refresh("shop-api-staging")
        place.until(lambda a: (a["status"].get("operationState") or {}).get("retryCount"))
        revision = place.promote()

        answer = follow(place, revision, sync_seconds=1)

    timed_out(answer, f"the sync of {older[:7]} is running")
    assert f"it retries an older commit than {revision[:7]}: terminate it in Argo CD" in answer.verdict.reason


# 6 to 9: health


def test_health_from_before_the_sync_is_not_believed(place: Rehearsal) -> None:
    faults(place).health_lag = 1.5
    place.cluster.waiting = "ImagePullBackOff"

    answer = follow(place, place.promote())

    assert answer.kind is RolloutKind.POD_FAILED


def test_a_controller_that_has_not_seen_the_change_is_waited_for(place: Rehearsal) -> None:
    place.cluster.is_blind = True
    revision = place.promote()

    with after(0.8, place.cluster.finish):
        waiting = follow(place, revision, healthy_seconds=0)
        assert confirmed(follow(place, revision))
    timed_out(waiting, "observed deployment generation less than desired generation")


def test_old_pods_are_waited_for(place: Rehearsal) -> None:
    place.cluster.waiting = "ContainerCreating"
    revision = place.promote()

    with after(0.8, place.cluster.finish):
        waiting = follow(place, revision, healthy_seconds=0)
        assert confirmed(follow(place, revision))
    timed_out(waiting, "pod shop-api-222222-abcde: ContainerCreating")


def test_degraded_for_a_moment_is_put_up_with(place: Rehearsal) -> None:
    faults(place).degraded_flap = 0.6

    assert confirmed(follow(place, place.promote(), degraded_grace_seconds=LONG))


def test_degraded_for_longer_fails(place: Rehearsal) -> None:
    faults(place).degraded = True

    answer = follow(place, place.promote(), degraded_grace_seconds=0.3)

    assert answer.kind is RolloutKind.DEGRADED
    assert answer.calls_for_rollback


def test_health_that_changes_again_and_again_never_settles(lively: Rehearsal) -> None:
    # Times of health are whole seconds: a turn has to be longer.
    faults(lively).flapping = 1.1
    revision = lively.promote()

    answer = follow(lively, revision, healthy_seconds=3, settle_seconds=2, degraded_grace_seconds=LONG)

    assert answer.kind is RolloutKind.TIMED_OUT


# 10 and 11: other commits


def test_a_later_commit_of_somebody_else_counts_as_ours(place: Rehearsal) -> None:
    revision = place.promote()
    later = place.commit({"README.md": "Their service is described now.\n"})

    answer = follow(place, revision)

    assert confirmed(answer)
    assert answer.evidence[0].startswith(f"Synced at {later}, compared ")


@pytest.mark.parametrize("image", [OLD, OTHER], ids=["put back", "a newer one"])
def test_a_later_commit_with_another_image_supersedes_ours(place: Rehearsal, image: ImageReference) -> None:
    revision = place.promote()
    later = place.commit({FILE: deployment(image)})

    answer = follow(place, revision)

    assert answer.kind is RolloutKind.SUPERSEDED
    assert f"commit {later[:7]} wants {image}" in answer.verdict.reason
    assert not answer.calls_for_rollback


def test_a_commit_that_is_gone_from_the_branch_is_superseded_by_what_is_there(place: Rehearsal) -> None:
    before = place.repository.head("main") or ""
    revision = place.promote()
    place.repository.move("refs/heads/main", before, revision)
    place.commit({FILE: deployment(OTHER)}, "Written over by force")

    assert follow(place, revision).kind is RolloutKind.SUPERSEDED


def test_a_commit_that_changes_nothing_here_needs_no_operation(place: Rehearsal) -> None:
    before = place.until(is_settled)["status"]["operationState"]
    revision = place.commit({"README.md": "Nothing that is rendered.\n"})

    assert confirmed(follow(place, revision, OLD))
    assert place.until(is_settled)["status"]["operationState"] == before


# 15: drift


def test_drift_that_is_healed_is_no_new_rollout_but_settles_anew(lively: Rehearsal) -> None:
    lively.commit({"demo/service.yaml": SERVICE})
    revision = lively.promote()

    def drift() -> None:
        lively.until(lambda a: a["status"]["sync"].get("revision") == revision and is_settled(a))
        lively.cluster.delete("Service", "staging", "shop-api")

    with after(0, drift):
        assert confirmed(follow(lively, revision, settle_seconds=1))
    assert lively.cluster.get("Service", "staging", "shop-api")
    assert lively.writes == []


# 16 and 20: syncs by hand


def test_an_application_without_auto_sync_is_synced_once_and_judged_by_that_sync(manual: Rehearsal) -> None:
    revision = manual.promote()

    assert confirmed(follow(manual, revision))
    assert [one.path.rpartition("/")[2] for one in manual.writes] == ["sync"]
    found = manual.until(lambda a: "operation" not in a)["status"]["operationState"]["operation"]
    assert found["info"] == [{"name": "tidegate-revision", "value": revision}]


def test_a_sync_by_hand_is_judged_though_the_branch_moves_on(manual: Rehearsal) -> None:
    revision = manual.promote()
    manual.commit({"demo/service.yaml": SERVICE})

    assert confirmed(follow(manual, revision))
    assert manual.until(lambda a: "operation" not in a)["status"]["sync"]["status"] == "OutOfSync"


def test_somebody_elses_sync_is_waited_for_before_ours(manual: Rehearsal) -> None:
    faults(manual).failing_syncs = -1
    manual.state.store.update(manual.state.name("shop-api-staging"), _request_sync(manual.repository.head("main")))
    revision = manual.promote()

    def give_up() -> None:
        faults(manual).failing_syncs = 0

    with after(0.6, give_up):
        assert confirmed(follow(manual, revision))


def _request_sync(revision: str | None) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        retry = {"limit": -1, "backoff": {"duration": "10s", "factor": 1}}
        document["operation"] = {"sync": {"revision": revision}, "retry": retry}
        document["status"].pop("operationState", None)

    return change


def test_what_an_application_set_rolls_out_in_steps_is_left_to_it(manual: Rehearsal) -> None:
    def own(document: dict[str, Any]) -> None:
        document["metadata"]["ownerReferences"] = [
            {"apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet", "name": "shop-api", "uid": "1"}
        ]

    manual.state.store.update(manual.state.name("shop-api-staging"), own)
    revision = manual.promote()

    waiting = follow(manual, revision, sync_seconds=1)
    timed_out(waiting, "its ApplicationSet or a person has to start one")
    assert manual.writes == []
    # Its step has come: the ApplicationSet's controller asks for the sync.
    with after(0.3, lambda: manual.state.store.update(manual.state.name("shop-api-staging"), _request_sync(revision))):
        assert confirmed(follow(manual, revision))
    assert manual.writes == []


# 17: sync windows


def test_a_sync_window_is_named_and_waited_for(lively: Rehearsal) -> None:
    faults(lively).sync_window_denies = True
    revision = lively.promote()

    waiting = follow(lively, revision, window_seconds=1)
    timed_out(waiting, "a sync window of the Argo CD project keeps the change back")
    with after(0.5, lambda: setattr(faults(lively), "sync_window_denies", False)):
        assert confirmed(follow(lively, revision))


def test_a_window_that_allows_syncs_by_hand_keeps_back_only_auto_sync(manual: Rehearsal) -> None:
    window = SyncWindow(kind="deny", schedule="* * * * *", duration="1h", manual_sync=True)
    manual.state.windows["default"].append(window)

    assert confirmed(follow(manual, manual.promote()))


def preflight_of(place: Rehearsal) -> Verdict:
    return preflight.fn(place.server, TARGET, place.gitops.url, "main", FILE).verdict


def test_a_window_that_closes_after_the_write_takes_nothing_of_the_time_to_sync(lively: Rehearsal) -> None:
    faults(lively).sync_window_denies = True
    revision = lively.promote()
    lively.state.request_refresh(TARGET.application)
    lively.until(lambda a: a["status"]["sync"]["revision"] == revision)

    # By the time it opens, what a sync may take has passed since the push.
    with after(3, lambda: setattr(faults(lively), "sync_window_denies", False)):
        assert confirmed(follow(lively, revision, sync_seconds=2, healthy_seconds=2))


def test_until_when_a_window_keeps_changes_back_is_known_where_the_project_may_be_read(tmp_path: Path) -> None:
    began = datetime.now(ZoneInfo("Asia/Tokyo")) - timedelta(hours=1)
    schedule = f"{began.minute} {began.hour} * * *"
    window = SyncWindow(kind="deny", schedule=schedule, duration="3h", time_zone="Asia/Tokyo", description="the fair")
    rights = (*READ_EVERYTHING, Right("projects", "get", "default"))
    with open_rehearsal(tmp_path, rights=rights) as place:
        started(place)
        assert read_closed_window.fn(place.server, TARGET) is None
        place.state.windows["default"].append(window)

        closed = read_closed_window.fn(place.server, TARGET)

    ends = began.replace(second=0, microsecond=0) + timedelta(hours=3)
    named = f"deny '{schedule}' Asia/Tokyo for 3h (the fair)"
    assert closed == ClosedWindow((named,), ends)


def test_where_the_project_may_not_be_read_the_window_is_looked_at_again(place: Rehearsal) -> None:
    place.state.windows["default"].append(SyncWindow(kind="deny", schedule="* * * * *", duration="1h"))

    closed = read_closed_window.fn(place.server, TARGET)

    assert closed is not None
    assert closed.is_guess
    assert 0 < (closed.until - datetime.now(UTC)).total_seconds() <= 15 * 60
    assert "deny '* * * * *' in a time zone that only `projects, get` on the project tells for 1h" in str(closed)


def test_a_window_that_closes_during_the_sync_is_named(manual: Rehearsal) -> None:
    faults(manual).failing_syncs = 1
    faults(manual).sync_window_denies = True

    answer = follow(manual, manual.promote(), window_seconds=1)

    timed_out(answer, "a sync window of the Argo CD project keeps the change back")


# 18 and 25: out of sync for ever


def test_what_only_waits_to_be_pruned_is_named(tmp_path: Path) -> None:
    with open_rehearsal(tmp_path) as place:
        place.commit({"demo/service.yaml": SERVICE})
        started(place, automated={})
        place.commit({"demo/service.yaml": None})

        answer = follow(place, place.promote(), sync_seconds=1)

    timed_out(answer, "only what git has no longer is left (Service shop-api): have it pruned")


def test_drift_that_nobody_heals_is_put_up_with_where_only_workloads_have_to_be_synced(lively: Rehearsal) -> None:
    lively.commit({"demo/service.yaml": SERVICE})
    lively.add(automated={})
    revision = lively.promote()

    lively.until(lambda a: a["status"]["sync"].get("revision") == revision and is_settled(a))
    lively.cluster.delete("Service", "staging", "shop-api")
    lively.until(lambda a: a["status"]["sync"]["status"] == "OutOfSync")

    timed_out(follow(lively, revision, sync_seconds=1), "for Service shop-api")
    assert confirmed(follow(lively, revision, must_be_synced="workloads"))


def test_a_workload_of_ours_that_drifts_is_never_put_up_with(lively: Rehearsal) -> None:
    faults(lively).skipped_auto_syncs = -1

    answer = follow(lively, lively.promote(), sync_seconds=1, must_be_synced="workloads")

    timed_out(answer, "for Deployment shop-api")


def test_a_pruning_that_somebody_has_to_confirm_is_named(place: Rehearsal) -> None:
    marked = SERVICE.replace("name: shop-api", "name: shop-api\n  annotations: {%s: Prune=confirm}", 1)
    place.commit({"demo/service.yaml": marked % "argocd.argoproj.io/sync-options"})
    place.state.request_refresh("shop-api-staging")
    place.until(lambda a: is_settled(a) and len(a["status"]["resources"]) == 2)
    place.commit({"demo/service.yaml": None})

    answer = follow(place, place.promote(), sync_seconds=1)

    timed_out(answer, "waiting for pruning confirmation of Service/shop-api")


# 21: rendered from another commit than the one it is labelled with


def test_manifests_of_an_older_commit_are_not_ours_whatever_their_label(place: Rehearsal) -> None:
    faults(place).render_from = place.repository.head("main")
    revision = place.promote()

    answer = follow(place, revision, sync_seconds=1)

    timed_out(answer, f"what Argo CD renders from {revision[:7]} does not name {NEW}")


def test_stale_manifests_are_healed_by_a_refresh(place: Rehearsal) -> None:
    faults(place).render_from = place.repository.head("main")
    revision = place.promote()

    with after(0.5, lambda: setattr(faults(place), "render_from", None)):
        assert confirmed(follow(place, revision))


# 22 and 23: Argo CD itself


def test_an_application_that_is_told_to_skip_reconciliation_is_refused_before_the_write(place: Rehearsal) -> None:
    def skip(document: dict[str, Any]) -> None:
        document["metadata"]["annotations"] = {"argocd.argoproj.io/skip-reconcile": "true"}

    place.state.store.update(place.state.name("shop-api-staging"), skip)

    assert preflight_of(place).reason.startswith("Argo CD does not reconcile shop-api-staging")


def test_a_controller_that_does_nothing_is_named(place: Rehearsal) -> None:
    time.sleep(1)
    faults(place).stalled = True

    answer = follow(place, place.promote(), detect_seconds=2)

    timed_out(answer, "look whether its controller runs and reconciles it")


def test_a_rendering_that_fails_once_is_forgiven(place: Rehearsal) -> None:
    faults(place).comparison_errors = 2

    assert confirmed(follow(place, place.promote(), degraded_grace_seconds=LONG))


def test_a_rendering_that_keeps_failing_is_our_failure(place: Rehearsal) -> None:
    faults(place).comparison_errors = -1

    answer = follow(place, place.promote(), degraded_grace_seconds=0.2)

    assert answer.kind is RolloutKind.RENDER_FAILED
    assert "ComparisonError: Failed to load target state" in answer.verdict.reason


def test_an_ingress_in_trouble_is_no_verdict(place: Rehearsal) -> None:
    revision = place.promote()
    place.state.faults.statuses.extend([502, 503, 429])

    assert confirmed(follow(place, revision))


# What pods say before the application does


@pytest.mark.parametrize(
    ("reason", "restarts", "words"),
    [
        ("ErrImagePull", 0, "look whether the registry holds the image"),
        ("ImagePullBackOff", 0, "look whether the registry holds the image"),
        ("CreateContainerConfigError", 0, "look at its logs"),
        ("CrashLoopBackOff", 4, "look at its logs"),
    ],
)
def test_a_pod_that_cannot_start_fails_the_rollout_early(
    place: Rehearsal, reason: str, restarts: int, words: str
) -> None:
    place.cluster.waiting, place.cluster.restarts = reason, restarts

    answer = follow(place, place.promote(), degraded_grace_seconds=0.2)

    assert answer.kind is RolloutKind.POD_FAILED
    assert f"pod shop-api-222222-abcde: {reason}" in answer.verdict.reason
    assert words in answer.verdict.reason


def test_a_pod_that_no_node_takes_is_named_with_the_schedulers_words(place: Rehearsal) -> None:
    place.cluster.waiting = "Unschedulable"

    answer = follow(place, place.promote(), healthy_seconds=1)

    timed_out(answer, "0/3 nodes are available: 3 Insufficient cpu.")


def test_a_progress_deadline_that_is_over_is_degraded(place: Rehearsal) -> None:
    place.cluster.waiting, place.cluster.progress_deadline_exceeded = "ContainerCreating", True

    answer = follow(place, place.promote(), degraded_grace_seconds=0.2)

    assert answer.kind is RolloutKind.DEGRADED
    assert 'Deployment "shop-api" exceeded its progress deadline' in answer.verdict.reason


# Several sources: a revision of its own for each


@pytest.fixture
def sources(tmp_path: Path) -> Callable[[Rehearsal], list[dict[str, str]]]:
    """Another repository's folder first, then ours: each has its own revision."""
    other = BareRepository(tmp_path / "other.git")
    other.create("main")
    tree = other.tree_with(None, {"more/service.yaml": SERVICE})
    other.move("refs/heads/main", other.commit_tree(tree, [], "Theirs", Identity("Ada", "ada@acme.example")), NOTHING)

    def make(place: Rehearsal) -> list[dict[str, str]]:
        return [
            {"repoURL": other.path.as_uri(), "path": "more", "targetRevision": "main"},
            {"repoURL": place.gitops.url, "path": "demo", "targetRevision": "main"},
        ]

    return make


def test_our_source_is_judged_among_several(tmp_path: Path, sources: Callable[[Rehearsal], Any]) -> None:
    with open_rehearsal(tmp_path) as place:
        started(place, sources=sources(place))
        assert preflight_of(place).has_passed
        faults(place).dropped_refreshes = 1
        revision = place.promote()

        answer = follow(place, revision)

        assert confirmed(answer)
        assert answer.evidence[0].startswith(f"Synced at {revision}")
        later = place.promote(OTHER)
        assert follow(place, revision).verdict.reason == f"staging: superseded: commit {later[:7]} wants {OTHER}"


def test_our_source_is_synced_by_hand_among_several(tmp_path: Path, sources: Callable[[Rehearsal], Any]) -> None:
    rights = (*READ_EVERYTHING, Right("applications", "sync", "*/*"))
    with open_rehearsal(tmp_path, rights=rights) as place:
        place.add(sources=sources(place))
        place.until(lambda a: a["status"].get("sync", {}).get("status") == "OutOfSync")
        revision = place.promote()

        assert confirmed(follow(place, revision))
        synced = place.until(lambda a: "operation" not in a)["status"]["operationState"]["syncResult"]["revisions"]
        assert synced[1] == revision
        assert [one.path.rpartition("/")[2] for one in place.writes] == ["sync"]


# 24: hydrated applications, where Argo CD itself writes what it syncs


def hydrator(place: Rehearsal, **more: Any) -> dict[str, Any]:
    dry = {"repoURL": place.gitops.url, "targetRevision": "main", "path": "demo"}
    return {"drySource": dry, "syncSource": {"targetBranch": "env/staging", "path": "shop"}, **more}


def hydrated(place: Rehearsal) -> Rehearsal:
    # The branch that is synced comes into being with the first hydration, which makes no comparison of its own.
    place.add(automated={"prune": True}, sourceHydrator=hydrator(place), source=None)
    place.until(is_settled)
    return place


def test_a_hydrated_application_is_judged_by_its_dry_commit(tmp_path: Path) -> None:
    with open_rehearsal(tmp_path) as place:
        hydrated(place)
        assert preflight_of(place).has_passed
        revision = place.promote()

        answer = follow(place, revision)

        assert confirmed(answer)
        assert answer.verdict.reason.startswith(f"staging: runs 222222222222 of {revision[:7]}")
        synced = place.until(is_settled)["status"]["sync"]["revision"]
        assert synced == place.repository.head("env/staging") != revision


def test_a_hydration_that_has_not_begun_is_waited_for_and_named(tmp_path: Path) -> None:
    with open_rehearsal(tmp_path) as place:
        before = place.repository.head("main") or ""
        hydrated(place)
        faults(place).hydrator_sleeps = True
        revision = place.promote()

        timed_out(follow(place, revision, detect_seconds=1), f"Argo CD sees {before[:7]}, not yet {revision[:7]}")
        with after(0.5, lambda: setattr(faults(place), "hydrator_sleeps", False)):
            assert confirmed(follow(place, revision))


def test_a_hydration_that_fails_fails_the_rollout(tmp_path: Path) -> None:
    with open_rehearsal(tmp_path) as place:
        hydrated(place)
        faults(place).failing_hydration = "the branch is protected"

        answer = follow(place, place.promote(), degraded_grace_seconds=0.2)

    assert answer.kind is RolloutKind.RENDER_FAILED
    assert "HydrationError: failed to hydrate app: the branch is protected" in answer.verdict.reason


def test_a_hydrated_commit_that_waits_for_a_pull_request_is_named_and_then_followed(tmp_path: Path) -> None:
    with open_rehearsal(tmp_path) as place:
        hydrated(place)
        staged = hydrator(place, hydrateTo={"targetBranch": "env/staging-next"})
        place.add(automated={"prune": True}, sourceHydrator=staged, source=None)
        revision = place.promote()

        timed_out(
            follow(place, revision, sync_seconds=1),
            "it hydrates to branch env/staging-next, and something has to bring that to env/staging",
        )

        def merge() -> None:
            branch, parent = place.repository.head("env/staging-next"), place.repository.head("env/staging")
            tree = place.repository.tree_with(branch, {})
            merged = place.repository.commit_tree(tree, [parent, branch], "Merge", Identity("Ada", "ada@acme.example"))
            place.repository.move("refs/heads/env/staging", merged, parent or NOTHING)

        with after(0.3, merge):
            assert confirmed(follow(place, revision))


def test_a_dry_commit_that_changes_nothing_hydrated_is_confirmed(tmp_path: Path) -> None:
    with open_rehearsal(tmp_path) as place:
        hydrated(place)

        assert confirmed(follow(place, place.commit({"README.md": "Nothing that is rendered.\n"}), OLD))


def test_a_dry_commit_with_another_image_supersedes_ours(tmp_path: Path) -> None:
    with open_rehearsal(tmp_path) as place:
        hydrated(place)
        revision = place.promote()
        place.promote(OTHER)

        assert follow(place, revision).kind is RolloutKind.SUPERSEDED


def test_a_hydrated_application_is_synced_by_hand_at_its_hydrated_commit(tmp_path: Path) -> None:
    rights = (*READ_EVERYTHING, Right("applications", "sync", "*/*"))
    with open_rehearsal(tmp_path, rights=rights) as place:
        place.add(sourceHydrator=hydrator(place), source=None)
        place.until(lambda a: a["status"].get("sync", {}).get("status") == "OutOfSync")
        revision = place.promote()

        assert confirmed(follow(place, revision))
        assert [one.path.rpartition("/")[2] for one in place.writes][-1] == "sync"
