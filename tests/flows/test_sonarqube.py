"""SonarQube in a run of integrate: one scan of a commit, whoever runs again, and news by its webhook."""

import json
from collections.abc import Iterator

import pytest
from ruamel.yaml import YAML

from deployments.sandbox.changes import good_change, sample_files
from deployments.sandbox.server import serve
from deployments.sandbox.sonarqube.webhooks import Delivery, Webhook
from deployments.sandbox.world import APPLICATION, REPOSITORY, World
from deployments.webhook import create_app
from deployments.webhook.analysed import CURRENT

SECRET = "a secret of SonarQube's webhook"


@pytest.fixture
def told_twice(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Delivery]]:
    """SonarQube's deliveries to a receiver, each of which comes twice."""
    sonarqube = world.sonarqube
    monkeypatch.setenv(CURRENT, SECRET)
    with serve(create_app()) as url:
        sonarqube.webhooks, sonarqube.faults.webhook_copies = [Webhook(f"{url}/webhook/sonarqube", SECRET)], 2
        yield sonarqube.deliveries
        sonarqube.webhooks, sonarqube.faults.webhook_copies = [], 1


def test_a_commit_is_scanned_once_and_its_run_hears_when_sonarqube_is_done(world: World, start, told_twice) -> None:
    # Beside the mainline a commit is only checked.
    commit = world.push("Try something", sample_files() | good_change(2), branch="scanned-once")
    endings = [start("integrate", application=APPLICATION, commit=commit).name for _ in range(2)]
    assert endings == ["Checked", "Checked"]

    analyses = world.sonarqube.main_analyses(APPLICATION)
    assert [one.metadata.revision for one in analyses].count(commit) == 1
    said = world.read_gates(commit)["tidegate/static-analysis"]
    assert said.startswith("success: Analysed before. SonarQube's quality gate passed")
    answers = [json.loads(one.answer)["result"] for one in told_twice if one.payload.get("revision") == commit]
    assert answers == ["told", "duplicate"]


def test_a_pull_request_is_analysed_as_one_where_sonarqube_knows_them(world: World, start, configure) -> None:
    application = YAML(typ="safe", pure=True).load(world.delivery_file)["applications"][APPLICATION]
    scan = application["checks"]["static-analysis"]
    scan["sonarqube"]["pull-requests"] = True
    configure("applications", **{APPLICATION: application | {"checks": {"static-analysis": scan}, "gates": {}}})
    commit = world.push("Try something else", sample_files() | good_change(3), branch="scanned-apart")
    # A draft is not checked by itself.
    pull = world.github.open_pull_request(
        REPOSITORY, head="scanned-apart", base="main", title="Try", author="dana", draft=True
    )
    ended = start("integrate", application=APPLICATION, commit=commit, pull_request=pull.number)
    assert ended.name == "Checked"
    analyses = [one for one in world.sonarqube.analyses.values() if one.metadata.revision == commit]
    assert [one.pull_request for one in analyses] == [str(pull.number)]
