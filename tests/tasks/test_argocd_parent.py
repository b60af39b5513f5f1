"""An app of apps: the manifest is an Argo CD Application, its image a Helm parameter, and its parent applies it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from prefect.logging import disable_run_logger

from deployments.sandbox.argocd.rehearsal import (
    NEW,
    OLD,
    OTHER,
    Rehearsal,
    deployment,
    is_settled,
    open_rehearsal,
)
from deployments.sandbox.github.bare_repository import NOTHING, BareRepository, Identity
from tasks.argocd.rollout import confirm_environment, preflight, wait_for_rollout
from tasks.argocd.windows import read_closed_window
from tasks.domain.delivery.manifest import Manifest
from tasks.domain.delivery.rollout import ArgoCDTarget, ParentApplication, RolloutTimeouts
from tasks.domain.errors import ConfigurationError
from tasks.domain.image import ImageReference
from tasks.domain.rollout.facts import Expectation
from tasks.domain.rollout.verdict import RolloutKind, RolloutVerdict
from tasks.gitops.desired_state import contains, image_at

CHILD, FILE = "shop-api-staging", "apps/shop-api.yaml"
MANIFEST = Manifest(file=FILE, format="application", at="image")
TARGET = ArgoCDTarget(application=CHILD, parent=ParentApplication(application="apps"))
WAIT = 20
QUICK = RolloutTimeouts(
    detect_seconds=WAIT,
    sync_seconds=WAIT,
    healthy_seconds=WAIT,
    settle_seconds=0,
    degraded_grace_seconds=0,
    poll_seconds=0.1,
)
CHART = {
    "chart/Chart.yaml": "apiVersion: v2\nname: service\nversion: 1.0.0\n",
    "chart/values.yaml": "image: {repository: none, digest: none}\n",
    "chart/templates/deployment.yaml": deployment('"{{ .Values.image.repository }}@{{ .Values.image.digest }}"'),
}


def manifest_of(charts: BareRepository, image: ImageReference) -> str:
    return f"""\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: {CHILD}
  namespace: argocd
spec:
  project: default
  destination: {{server: https://kubernetes.default.svc, namespace: staging}}
  syncPolicy:
    automated: {{}}
    retry: {{limit: 0}}
  source:
    repoURL: {charts.path.as_uri()}
    path: chart
    targetRevision: main
    helm:
      parameters:
        - name: image.repository
          value: {image.repository}
        - name: image.digest
          value: {image.digest}
"""


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TIDEGATE_CACHE", str(tmp_path / "cache"))
    with disable_run_logger():
        yield


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Rehearsal]:
    """The chart in a repository of its own, and a parent that applies the folder `apps` of ours."""
    charts = BareRepository(tmp_path / "charts.git")
    charts.create("main")
    commit = charts.commit_tree(charts.tree_with(None, CHART), [], "Chart", Identity("Ada", "ada@acme.example"))
    charts.move("refs/heads/main", commit, NOTHING)
    with open_rehearsal(tmp_path) as rehearsal:
        rehearsal.commit({FILE: manifest_of(charts, OLD)})
        source = {"repoURL": rehearsal.gitops.url, "path": "apps", "targetRevision": "main"}
        rehearsal.add("apps", source=source, syncPolicy={"automated": {}, "retry": {"limit": 0}})
        rehearsal.until(is_settled, "apps")
        rehearsal.until(is_settled, CHILD)
        yield rehearsal


def follow(place: Rehearsal, revision: str, target: ArgoCDTarget = TARGET, **seconds: float) -> RolloutVerdict:
    timeouts = QUICK.model_copy(update=seconds)
    expectation = Expectation("staging", revision, NEW, datetime.now(UTC), place.gitops.url, "main", timeouts)
    ask = partial(contains.fn, place.gitops), partial(image_at.fn, place.gitops, MANIFEST)
    answer = wait_for_rollout.fn(place.server, target, expectation, *ask)
    assert place.writes == []
    return answer


def look_first(place: Rehearsal, target: ArgoCDTarget = TARGET) -> Any:
    return preflight.fn(place.server, target, place.gitops.url, "main", FILE)


def test_the_parent_shows_the_commit_and_the_child_the_image(place: Rehearsal) -> None:
    assert look_first(place).verdict.has_passed
    before = place.until(is_settled, CHILD)["status"]["sync"]["revision"]
    revision = place.promote(NEW, MANIFEST)

    answer = follow(place, revision)

    assert answer.kind is RolloutKind.CONFIRMED, answer
    assert answer.verdict.reason.startswith(f"staging: runs 222222222222 of {revision[:7]}")
    assert place.until(is_settled, CHILD)["status"]["sync"]["revision"] == before
    assert confirm_environment.fn(place.server, TARGET, NEW).has_passed


def test_a_parent_that_does_not_apply_the_child_is_named(place: Rehearsal) -> None:
    place.state.faults.of("apps").skipped_auto_syncs = -1
    revision = place.promote(NEW, MANIFEST)

    answer = follow(place, revision, sync_seconds=1)

    assert answer.kind is RolloutKind.TIMED_OUT
    assert "does not name" in answer.verdict.reason
    assert "its parent apps is OutOfSync" in answer.verdict.reason


def test_a_parent_whose_sync_fails_fails_the_rollout(place: Rehearsal) -> None:
    place.state.faults.of("apps").failing_syncs = -1

    answer = follow(place, place.promote(NEW, MANIFEST))

    assert answer.kind is RolloutKind.SYNC_FAILED
    assert "its parent apps: one or more objects failed to apply" in answer.verdict.reason


def test_a_child_whose_sync_fails_fails_the_rollout(place: Rehearsal) -> None:
    place.state.faults.of(CHILD).failing_syncs = -1

    answer = follow(place, place.promote(NEW, MANIFEST))

    assert answer.kind is RolloutKind.SYNC_FAILED
    assert "admission webhook denied the request" in answer.verdict.reason


def test_another_image_in_the_parents_repository_supersedes_ours(place: Rehearsal) -> None:
    revision = place.promote(NEW, MANIFEST)
    place.promote(OTHER, MANIFEST)

    assert follow(place, revision).kind is RolloutKind.SUPERSEDED


def test_pods_of_the_child_are_looked_at(place: Rehearsal) -> None:
    place.cluster.waiting = "ImagePullBackOff"

    assert follow(place, place.promote(NEW, MANIFEST)).kind is RolloutKind.POD_FAILED


def test_without_its_parent_the_child_follows_another_repository(place: Rehearsal) -> None:
    with pytest.raises(ConfigurationError, match="the manifest is the Application itself, name its `parent`"):
        look_first(place, ArgoCDTarget(application=CHILD))


def test_a_parent_that_nobody_syncs_is_refused_before_anything_is_written(place: Rehearsal) -> None:
    def stop(document: dict[str, Any]) -> None:
        del document["spec"]["syncPolicy"]

    place.state.store.update(place.state.name("apps"), stop)

    with pytest.raises(ConfigurationError, match="apps, which applies the environment's Application, does not sync"):
        look_first(place)


def test_a_window_of_the_child_is_seen_before_anything_is_written(place: Rehearsal) -> None:
    place.state.faults.of(CHILD).sync_window_denies = True

    closed = read_closed_window.fn(place.server, TARGET)
    assert closed is not None
    assert "deny '* * * * *'" in str(closed)


def test_a_window_of_the_parent_keeps_the_child_back_too(place: Rehearsal) -> None:
    assert read_closed_window.fn(place.server, TARGET) is None
    place.state.faults.of("apps").sync_window_denies = True

    assert read_closed_window.fn(place.server, TARGET) is not None
