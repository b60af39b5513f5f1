"""Applications that go together: one approval and one commit for all of them, and one way back."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import httpx
import pytest
from prefect import State
from prefect.client.orchestration import get_client
from prefect.flow_runs import resume_flow_run
from ruamel.yaml import YAML

from deployments.answers import read_question
from deployments.demo.play import follow
from deployments.demo.timeline import Run
from deployments.sandbox.world import World
from tasks.domain.image import parse_image
from tasks.domain.promotion.history import Change, quarantined
from tasks.runs.releases import start_release
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


@pytest.fixture
def together(world: World, places: None, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Two applications of one repository, which go from the trial to the market only together, if somebody approves."""

    def configuring() -> None:
        settings = YAML(typ="safe", pure=True).load(world.delivery_file)
        settings["applications"][WEB] = settings["applications"][API]
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

    return configuring


def released(commit: str, at_the_question: Callable[[Run], None]) -> list[Run]:
    with get_client(sync_client=True) as client:
        runs = follow(client, commit, lambda _runs: None, at_the_question)
    return [run for run in runs if run.flow == "release"]


def approve(waiting: Run) -> None:
    resume_flow_run(waiting.run_id, run_input={"decision": "approve", "approver": "Robin Reviewer", "comment": "both"})


def live(world: World, application: str) -> tuple[str | None, ...]:
    url = f"{world.addresses.argocd}/api/v1/applications/{application}-{MARKET}"
    answer = httpx.get(url, headers={"Authorization": f"Bearer {world.addresses.argocd_token}"}).raise_for_status()
    return tuple(parse_image(image).digest for image in answer.json()["status"]["summary"]["images"])


def changes_of(world: World, application: str) -> list[Change]:
    return [change for change in world.read_changes(MARKET) if change.application == application]


def test_members_go_together_by_one_commit_once_all_are_verified_and_one_person_approved(
    world: World, tell, start: Callable[..., State], tidegate, together: Callable[[], None]
) -> None:
    commit, _ = tell("reject")
    together()
    digest = world.find_digest(commit)
    promote = partial(start, "promote", commit=commit, digest=digest)

    first = promote(application=API, environment=TRIAL)
    assert first.name == "Verified"
    sentence = f"In {MARKET} it waits for the rest of its release: {WEB}: nothing was promoted to {TRIAL} yet."
    assert first.message.endswith(sentence)
    alone = promote(application=API, environment=MARKET)
    said = f"{API} goes to {MARKET} only with release shop; promote that by `tidegate release shop {MARKET}`"
    assert (alone.name, alone.message) == ("Refused", said)
    code, told, _ = tidegate("release", "shop", MARKET)
    assert (code, f"{WEB}: nothing was promoted to {TRIAL} yet" in told) == (1, True)
    second = promote(application=WEB, environment=TRIAL)
    assert f"In {MARKET} it goes with release shop: " in second.message

    pages = []

    def look_and_approve(waiting: Run) -> None:
        pages.append(read_question(waiting.run_id).page)
        # Whoever asks for the same meanwhile finds this run.
        ask = partial(start_release.fn, "shop", MARKET, dict.fromkeys(MEMBERS, f"{commit}@{digest}"))
        with ThreadPoolExecutor(2) as pool:
            assert {found.result() for found in [pool.submit(ask), pool.submit(ask)]} == {waiting.run_id}
        code, why, _ = tidegate("why", WEB, MARKET)
        assert (code, "asks for an approval" in why, "only with" in why) == (3, True, False)
        approve(waiting)

    (run,) = released(commit, look_and_approve)
    assert (run.state, len(pages)) == ("Verified", 1)
    assert [f"## {name} {commit[:7]} → {MARKET}" in pages[0] for name in MEMBERS] == [True, True]
    newest = [changes_of(world, name)[0] for name in MEMBERS]
    assert {(change.digest, change.source_commit, change.release) for change in newest} == {(digest, commit, "shop")}
    assert {change.approved_by for change in newest} == {"Robin Reviewer (name unproven)"}
    assert len({change.revision for change in newest}) == 1
    assert [live(world, name) for name in MEMBERS] == [(digest,), (digest,)]

    # As after a run that was lost: what is written is found, and confirmed.
    again = start("release", name="shop", environment=MARKET, candidates=dict.fromkeys(MEMBERS, f"{commit}@{digest}"))
    assert again.name == "Verified"
    assert [changes_of(world, name)[0] for name in MEMBERS] == newest


def test_where_one_member_fails_all_go_back_by_one_commit_and_only_that_one_is_in_quarantine(
    world: World, tell, start: Callable[..., State], together: Callable[[], None]
) -> None:
    commit, _ = tell("reject")
    together()
    before = [live(world, name) for name in MEMBERS]
    digest = world.find_digest(commit)
    world.cluster.faults.never_ready.add((namespace(WEB, MARKET), digest))
    for name in MEMBERS:
        assert start("promote", application=name, environment=TRIAL, commit=commit, digest=digest).name == "Verified"

    (run,) = released(commit, approve)

    assert run.state == "Rolled back", run.message
    assert f"Release shop failed: {WEB}: " in run.message
    (api_back, api), (web_back, web) = (changes_of(world, name)[:2] for name in MEMBERS)
    assert (api.revision, api_back.revision) == (web.revision, web_back.revision)
    assert {api.digest, web.digest} == {digest}
    assert (web_back.rollback_of, api_back.rollback_of, api_back.replaced_unhealthy) == (digest, None, digest)
    assert f"release shop was taken back: {WEB}: " in api_back.reason
    assert [live(world, name) for name in MEMBERS] == before
    assert [list(quarantined(changes_of(world, name))) for name in MEMBERS] == [[], [digest]]
