"""When production may be changed: soak time, a freeze, broken glass and the stop switch, and how each goes on."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import get_client
from prefect.states import Scheduled
from ruamel.yaml import YAML

from deployments.demo.play import follow
from deployments.demo.timeline import Run, read_runs
from deployments.sandbox.argocd.windows import SyncWindow
from deployments.sandbox.world import APPLICATION, World

TOMORROW = (datetime.now(UTC) + timedelta(days=1)).date()
FREEZE = {
    "from": "2026-01-01",
    "until": TOMORROW.isoformat(),
    "reason": "the trade fair",
    "environments": ["production"],
}
END_OF_FREEZE = datetime(TOMORROW.year, TOMORROW.month, TOMORROW.day, tzinfo=UTC) + timedelta(days=1)


@pytest.fixture
def policy(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Give production these settings, and nobody to ask; all else stays as it is in the sandbox."""
    file = world.delivery_file.with_name("delivery-of-the-hour.yaml")

    def setting(*freezes: dict[str, Any], **production: Any) -> None:
        settings = YAML(typ="safe", pure=True).load(world.delivery_file)
        del settings["environments"]["production"]["approval"]
        settings["environments"]["production"] |= {key.replace("_", "-"): value for key, value in production.items()}
        file.write_text(json.dumps(settings | {"freezes": freezes}))
        monkeypatch.setenv("TIDEGATE_DELIVERY", str(file))

    return setting


def bring_forward(run: Run, commit: str) -> list[Run]:
    """As when its time has come; gives all runs of the commit to production then, newest first."""
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(run.run_id, Scheduled(scheduled_time=datetime.now(UTC)), force=True)
        return newest_first(follow(client, commit, lambda _runs: None, nobody))


def newest_first(runs: tuple[Run, ...]) -> list[Run]:
    return [run for run in reversed(runs) if run.environment == "production"]


def nobody(_waiting: Run) -> None:
    raise AssertionError("nobody has to be asked")


def state_of(run_id: UUID) -> str | None:
    with get_client(sync_client=True) as client:
        state = client.read_flow_run(run_id).state
    return state.name if state else None


def test_production_waits_for_the_soak_time_and_the_end_of_a_freeze_unless_the_glass_is_broken(
    world: World, tell, start, policy
) -> None:
    before = world.read_changes("production")[0]
    policy(soak_seconds=3600)
    commit, runs = tell(nobody)
    # The last one is the run that goes on by itself.
    soaked = runs["production"]
    with get_client(sync_client=True) as client:
        waited, planned = (client.read_flow_run(run) for run in _both(client, commit))
    assert runs["staging"].state == "Verified"
    assert waited.state.name == "Waiting"
    assert waited.state.message.startswith("production needs 1 h of health in staging, which has ")
    assert waited.state.message.endswith(f"/runs/flow-run/{planned.id}")
    assert 3500 < (soaked.planned_for - datetime.now(UTC)).total_seconds() <= 3600
    assert planned.parameters["commit"] == commit

    policy(FREEZE)
    planned, frozen, *_ = bring_forward(soaked, commit)
    assert (frozen.run_id, frozen.state) == (soaked.run_id, "Waiting")
    assert frozen.message.startswith(f"production is closed until {END_OF_FREEZE:%a %Y-%m-%d %H:%M} UTC (freeze until ")
    assert ": the trade fair)" in frozen.message
    assert planned.planned_for == END_OF_FREEZE
    assert world.read_changes("production")[0] == before

    wanted = {"application": APPLICATION, "environment": "production", "commit": commit, "digest": planned.digest}
    refused = start("promote", **wanted, break_glass="payments fail")
    assert (refused.name, "production has no break-glass" in refused.message) == ("Refused", True)
    policy(FREEZE, break_glass=True)
    ended = start("promote", **wanted, break_glass="payments fail")
    change = world.read_changes("production")[0]
    assert ended.name == "Verified"
    assert (change.digest, change.break_glass) == (planned.digest, "payments fail")
    # What was planned for the end of the freeze has nothing to do any more.
    assert state_of(planned.run_id) == "Superseded"


@pytest.fixture
def fair(world: World) -> Iterator[datetime]:
    """Argo CD applies nothing to production for two more hours; gives the end of its window."""
    began = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(hours=1)
    windows = world.argocd.windows["default"]
    schedule, only = f"{began.minute} {began.hour} * * *", (f"{APPLICATION}-production",)
    windows.append(SyncWindow(kind="deny", schedule=schedule, duration="3h", applications=only))
    yield began + timedelta(hours=3)
    windows.clear()


def test_a_sync_window_that_is_closed_is_waited_for_before_anything_is_written(
    world: World, tell, policy, tidegate, fair: datetime
) -> None:
    before = world.read_changes("production")[0]
    policy()
    commit, runs = tell(nobody)
    planned = runs["production"]
    assert planned.planned_for == fair
    assert world.read_changes("production")[0] == before
    code, said, _ = tidegate("why", APPLICATION, "production")
    assert code == 3
    assert f"a sync window of the Argo CD project keeps changes back until {fair:%a %Y-%m-%d %H:%M} UTC (deny '" in said
    world.argocd.windows["default"].clear()
    ended, waited, *_ = bring_forward(planned, commit)

    assert (ended.run_id, ended.state, waited.state) == (planned.run_id, "Verified", "Waiting")
    assert world.read_changes("production")[0].source_commit == commit


def test_a_stop_holds_every_promotion_but_no_rollback_until_somebody_lets_them_go(
    world: World, tell, policy, tidegate
) -> None:
    before = world.read_changes("production")[0]
    policy()
    assert tidegate("stop", "production", "--reason", "payments fail", "--by", "ada")[0] == 0
    commit, runs = tell(nobody)
    stopped = runs["production"]
    assert stopped.state == "Stopped"
    assert stopped.message.startswith("promotions to production are stopped since ")
    assert stopped.message.endswith(" by ada: payments fail; `tidegate go production` lets them go again")
    assert world.read_changes("production")[0] == before
    code, said, _ = tidegate("rollback", APPLICATION, "production", "--reason", "payments fail")
    assert (code, "Rolled back: production is back at" in said) == (0, True)

    code, said, _ = tidegate("go", "production", "--reason", "payments work again", "--by", "ada")
    assert (code, said.count("started again: ")) == (0, 1)
    with get_client(sync_client=True) as client:
        again = newest_first(follow(client, commit, lambda _runs: None, nobody))[0]
    assert (again.state, world.read_changes("production")[0].source_commit) == ("Verified", commit)
    # Once more changes nothing: neither the switch nor a second run.
    head = world.github.repositories["acme/gitops"].git.head("main")
    code, said, _ = tidegate("go", "production", "--reason", "payments work again")
    assert (code, str(again.run_id) in said) == (0, True)
    assert world.github.repositories["acme/gitops"].git.head("main") == head


def _both(client: Any, commit: str) -> list[UUID]:
    mine = [run for run in read_runs(client, commit) if run.environment == "production"]
    return [run.run_id for run in mine]


def test_status_and_why_tell_what_runs_what_waits_and_whose_move_it_is(world: World, tell, policy, tidegate) -> None:
    policy()
    commit, runs = tell(nobody)
    digest = runs["production"].digest
    (shown,) = json.loads(tidegate("status", APPLICATION, "production", "--json")[1])
    # Runs that other tests left on their way are none of this one's.
    assert commit not in {run["commit"] for run in shown.pop("on_the_way")}
    assert shown | {"live": shown["live"]["outcome"]} == {
        "application": APPLICATION,
        "environment": "production",
        "digest": digest,
        "commit": commit,
        "since": world.read_changes("production")[0].when.astimezone(UTC).isoformat(),
        "approved_by": None,
        "gitops_commit": world.read_changes("production")[0].revision,
        "live": "passed",
        "held": None,
    }
    assert tidegate("why", APPLICATION, "production")[0] == 0

    policy(FREEZE, soak_seconds=3600, break_glass=True)
    newer, runs = tell(nobody)
    code, said, _ = tidegate("status")
    assert code == 0
    assert all(text in said for text in (commit[:7], digest[7:19], f"{newer[:7]}: its time: ", "the trade fair"))
    before = world.github.repositories["acme/gitops"].git.head("main")
    for asked in ((APPLICATION, "production"), (str(runs["production"].run_id),)):
        code, said, _ = tidegate("why", *asked)
        assert code == 3
        assert "1. production needs 1 h of health in staging, which has " in said
        assert "2. production is closed until " in said
        assert said.count("whose move: time's") == 2
        assert "in an emergency run `promote` with a `break_glass` reason" in said
    assert world.github.repositories["acme/gitops"].git.head("main") == before
    assert tidegate("why", "shop")[0] == 2


def test_status_and_why_and_plan_show_what_a_promotion_would_do_and_write_nothing(
    world: World, tell, policy, tidegate
) -> None:
    policy(FREEZE)
    runs_now = world.read_environment("production").digest
    commit, _ = tell(nobody)
    digest = world.find_digest(commit)
    before = world.github.repositories["acme/gitops"].git.head("main"), world.registry.tags(APPLICATION)
    code, said, _ = tidegate("plan", APPLICATION, "production")

    assert code == 3
    assert said.startswith(f"{APPLICATION} {commit[:7]} -> production\n")
    assert f"  {commit[:7]} Offer another product (Dana Developer)" in said
    assert "  unit-tests: passed: " in said
    assert f'-  digest: "{runs_now}"' in said
    assert f'+  digest: "{digest}"' in said
    assert f"--- Deployment/{APPLICATION}-production" in said
    assert [line.strip() for line in said.splitlines() if f"@{digest}" in line and "image:" in line][1:]
    assert "What stands against it now:\n  production is closed until " in said
    assert (world.github.repositories["acme/gitops"].git.head("main"), world.registry.tags(APPLICATION)) == before
    policy()
    code, said, _ = tidegate("plan", APPLICATION, "production", "--commit", commit)
    assert (code, said.rstrip().endswith("What stands against it now:\n  nothing")) == (0, True)
    assert tidegate("plan", APPLICATION, "production", "--commit", "0" * 40)[0] == 2


def test_what_is_approved_during_a_freeze_is_written_after_it_without_asking_again(world: World, tell, policy) -> None:
    policy(FREEZE, approval={})
    commit, runs = tell("approve")
    planned = runs["production"]
    assert planned.planned_for == END_OF_FREEZE
    assert commit not in {change.source_commit for change in world.read_changes("production")}
    policy(approval={})
    ended, *_ = bring_forward(planned, commit)

    assert (ended.run_id, ended.state) == (planned.run_id, "Verified")
    change = world.read_changes("production")[0]
    assert (change.source_commit, change.approved_by) == (commit, "Robin Reviewer (name unproven)")
