"""Applications that go together: one approval and one commit for all of them, and one way back."""

import json
from collections.abc import Callable

import httpx
import pytest
from prefect import State
from prefect.client.orchestration import get_client
from prefect.flow_runs import resume_flow_run
from ruamel.yaml import YAML

from deployments.answers import read_question
from deployments.demo.play import follow
from deployments.demo.timeline import Run
from deployments.sandbox.changes import good_change, sample_files
from deployments.sandbox.world import REPOSITORY, World
from tasks.domain.image import parse_image
from tasks.domain.promotion.history import Change, quarantined
from tasks.runs.promotions import run_url
from tests.flows.described import describe

API, WEB = MEMBERS = ("shop-api", "shop-web")
TRIAL, MARKET = "trial", "market"
QUICK = {"detect-seconds": 60, "sync-seconds": 60, "healthy-seconds": 60, "settle-seconds": 0, "poll-seconds": 0.3}


def namespace(application: str, environment: str) -> str:
    return f"{environment}-{application}"


@pytest.fixture(scope="module")
def places(world: World) -> None:
    for environment in (TRIAL, MARKET):
        with get_client(sync_client=True) as client:
            client.upsert_global_concurrency_limit_by_name(f"environment:{environment}", 1)
        for application in MEMBERS:
            describe(world, application, environment, namespace(application, environment))


@pytest.fixture(autouse=True)
def together(world: World, places: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two applications of one repository, which go from the trial to the market only together, if somebody approves."""
    settings = YAML(typ="safe", pure=True).load(world.delivery_file)
    one = settings["applications"][API]
    # What is checked does not matter here.
    one |= {"checks": {"lint": one["checks"]["lint"]}, "gates": {}}
    settings["applications"][WEB] = one | {"image": WEB}
    settings["environments"] = {
        name: {
            "argocd": {"application": f"{{application}}-{name}"},
            "manifest": {"file": f"apps/{{application}}/values-{name}.yaml"},
            "rollout": QUICK,
        }
        | extra
        for name, extra in ((TRIAL, {}), (MARKET, {"needs": [TRIAL], "approval": {}}))
    }
    settings["releases"] = {"shop": {"applications": list(MEMBERS), "environments": [MARKET]}}
    file = world.delivery_file.with_name("delivery-of-a-release.yaml")
    file.write_text(json.dumps(settings))
    monkeypatch.setenv("TIDEGATE_DELIVERY", str(file))


def push_change(world: World, number: int) -> str:
    files = sample_files() | good_change(number)
    return world.github.commit(
        REPOSITORY, "main", files, "Change the shop", author_name="Dana Developer", author_email="dana@acme.example"
    )


def follow_all(commit: str, at_the_question: Callable[[Run], None]) -> dict[tuple[str, str], Run]:
    """Every run of the commit once all are over, by its flow and name, the last of each."""
    with get_client(sync_client=True) as client:
        runs = follow(client, commit, lambda _runs: None, at_the_question)
    return {(run.flow, run.name): run for run in runs}


def nobody(_waiting: Run) -> None:
    raise AssertionError("nobody has to be asked")


def approve(waiting: Run) -> None:
    resume_flow_run(waiting.run_id, run_input={"decision": "approve", "approver": "Robin Reviewer", "comment": "both"})


def live(world: World, application: str) -> tuple[str | None, ...]:
    url = f"{world.addresses.argocd}/api/v1/applications/{application}-{MARKET}"
    answer = httpx.get(url, headers={"Authorization": f"Bearer {world.addresses.argocd_token}"}).raise_for_status()
    return tuple(parse_image(image).digest for image in answer.json()["status"]["summary"]["images"])


def digest_in_git(world: World, application: str, environment: str) -> str:
    changes = world.read_changes(environment)
    return next(change.digest for change in changes if change.application == application)


def changes_of(world: World, application: str) -> list[Change]:
    return [change for change in world.read_changes(MARKET) if change.application == application]


def test_members_go_together_by_one_commit_once_all_are_verified_and_one_person_approved(
    world: World, start: Callable[..., State], tidegate: Callable[..., tuple[int, str, str]]
) -> None:
    commit = push_change(world, 1)
    assert start("integrate", application=API, commit=commit).name == "Integrated"
    first = follow_all(commit, nobody)["promote", f"{API} {commit[:7]} -> {TRIAL}"]
    sentence = f"In {MARKET} it waits for the rest of its release: {WEB}: nothing was promoted to {TRIAL} yet."
    assert (first.state, first.message.endswith(sentence)) == ("Verified", True)
    alone = start("promote", application=API, environment=MARKET, commit=commit, digest=first.digest)
    said = f"{API} goes to {MARKET} only with release shop; promote that by `tidegate release shop {MARKET}`"
    assert (alone.name, alone.message) == ("Refused", said)
    code, told, _ = tidegate("release", "shop", MARKET)
    assert (code, f"{WEB}: nothing was promoted to {TRIAL} yet" in told) == (1, True)

    pages = []

    def look_and_approve(waiting: Run) -> None:
        pages.append(read_question(waiting.run_id).page)
        # Whoever asks for the same meanwhile finds this run.
        code, told, _ = tidegate("release", "shop", MARKET)
        assert (code, str(waiting.run_id) in told) == (0, True)
        code, why, _ = tidegate("why", WEB, MARKET)
        assert (code, "asks for an approval" in why, "only with" in why) == (3, True, False)
        approve(waiting)

    assert start("integrate", application=WEB, commit=commit).name == "Integrated"
    runs = follow_all(commit, look_and_approve)
    second, released = runs["promote", f"{WEB} {commit[:7]} -> {TRIAL}"], runs["release", f"shop -> {MARKET}"]
    assert second.message.endswith(f"In {MARKET} it goes with release shop: {run_url(str(released.run_id))}")
    assert (released.state, len(pages)) == ("Verified", 1)
    assert [f"## {name} {commit[:7]} → {MARKET}" in pages[0] for name in MEMBERS] == [True, True]
    newest = [changes_of(world, name)[0] for name in MEMBERS]
    digests = [first.digest, second.digest]
    assert [each.digest for each in newest] == digests
    assert {(each.source_commit, each.release, each.approved_by) for each in newest} == {
        (commit, "shop", "Robin Reviewer (name unproven)")
    }
    assert len({each.revision for each in newest}) == 1
    assert [live(world, name) for name in MEMBERS] == [(digest,) for digest in digests]

    # As after a run that was lost: what is written is found, and confirmed.
    candidates = {name: f"{commit}@{digest}" for name, digest in zip(MEMBERS, digests, strict=True)}
    assert start("release", name="shop", environment=MARKET, candidates=candidates).name == "Verified"
    assert [changes_of(world, name)[0] for name in MEMBERS] == newest


def test_where_one_member_fails_all_go_back_by_one_commit_and_only_that_one_is_in_quarantine(
    world: World, start: Callable[..., State]
) -> None:
    before = [live(world, name) for name in MEMBERS]
    commit = push_change(world, 2)

    def break_one_and_approve(waiting: Run) -> None:
        world.cluster.faults.never_ready.add((namespace(WEB, MARKET), digest_in_git(world, WEB, TRIAL)))
        approve(waiting)

    for name in MEMBERS:
        assert start("integrate", application=name, commit=commit).name == "Integrated"
    runs = follow_all(commit, break_one_and_approve)
    released = runs["release", f"shop -> {MARKET}"]

    assert released.state == "Rolled back", released.message
    assert f"Release shop failed: {WEB}: " in released.message
    (api_back, api), (web_back, web) = (changes_of(world, name)[:2] for name in MEMBERS)
    assert (api.revision, api_back.revision) == (web.revision, web_back.revision)
    assert {api.source_commit, web.source_commit} == {commit}
    assert (web_back.rollback_of, api_back.rollback_of, api_back.replaced_unhealthy) == (web.digest, None, api.digest)
    assert f"release shop was taken back: {WEB}: " in api_back.reason
    assert [live(world, name) for name in MEMBERS] == before
    assert [list(quarantined(changes_of(world, name))) for name in MEMBERS] == [[], [web.digest]]
