"""`register` against a real Prefect server: what it writes, what it leaves alone, and that it can be repeated.

The server is the whole session's, so the blocks and environments here have names of their own in each test.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from moto import mock_aws
from prefect.blocks.core import Block
from prefect.client.orchestration import get_client
from prefect_docker import DockerHost

from blocks.argocd import ArgoCDServer
from blocks.github import WORK, GitHub
from blocks.gitops import GitOpsRepository
from blocks.registry import ContainerRegistry
from blocks.sonarqube import SonarQubeServer
from deployments.block_settings import BLOCKS
from deployments.register import Registered, register
from deployments.sandbox.github.own_app import install_own_app
from deployments.sandbox.github.protocol import create_app
from deployments.sandbox.github.state import GitHubState
from deployments.sandbox.server import serve
from tasks.domain.delivery.application import Application
from tasks.domain.delivery.build import Build
from tasks.domain.delivery.environment import Environment
from tasks.domain.delivery.post_deploy import PrometheusCheck
from tasks.domain.delivery.proof import Proof
from tasks.domain.delivery.text import parse_delivery
from tasks.domain.errors import ConfigurationError

ALL = {
    "TIDEGATE_GITHUB_TOKEN": "github-token-1",
    "TIDEGATE_GITHUB_API_URL": "http://127.0.0.1:1/api/v3/",
    "TIDEGATE_GITHUB_WEB_URL": "http://127.0.0.1:1",
    "TIDEGATE_GITOPS_URL": "http://127.0.0.1:1/acme/gitops.git",
    "TIDEGATE_GITOPS_TOKEN": "gitops-token-1",
    "TIDEGATE_ARGOCD_URL": "http://127.0.0.1:2",
    "TIDEGATE_ARGOCD_TOKEN": "argocd-token-1",
    "TIDEGATE_SONARQUBE_URL": "http://127.0.0.1:3",
    "TIDEGATE_SONARQUBE_TOKEN": "sonarqube-token-1",
    "TIDEGATE_PROMETHEUS_URL": "http://127.0.0.1:6",
    "TIDEGATE_PROMETHEUS_TOKEN": "prometheus-token-1",
    "TIDEGATE_REGISTRY_URL": "http://127.0.0.1:4",
    "TIDEGATE_REGISTRY_USERNAME": "builder",
    "TIDEGATE_REGISTRY_PASSWORD": "registry-password-1",
    "TIDEGATE_DOCKER_HOST": "tcp://127.0.0.1:5",
}
SECRETS = (
    "github-token-1",
    "gitops-token-1",
    "argocd-token-1",
    "sonarqube-token-1",
    "registry-password-1",
    "prometheus-token-1",
)
EXAMPLE = Path(__file__).parents[2] / "deployments" / "delivery.yaml"

Run = Callable[[Mapping[str, str]], Registered]


@pytest.fixture
def own() -> str:
    """Stands before every name that the test makes on the server."""
    return f"t{uuid4().hex[:8]}-"


@pytest.fixture
def run(own: str, prefect_server: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    renamed = tuple(replace(settings, name=own + settings.name) for settings in BLOCKS)
    monkeypatch.setattr("deployments.register.BLOCKS", renamed)
    text = EXAMPLE.read_text().replace("staging:", f"{own}staging:").replace("[staging]", f"[{own}staging]")
    delivery = parse_delivery(text, file="delivery.yaml")
    return lambda environment: register(environment, delivery)


def load(kind: type[Block], name: str) -> Any:
    return kind.load(name)


def is_there(kind: type[Block], name: str) -> bool:
    try:
        load(kind, name)
    except ValueError:
        return False
    return True


def test_everything_that_flows_load_is_there_afterwards(run: Run, own: str) -> None:
    run(ALL)
    github = load(GitHub, f"{own}github")
    assert github.api_url == "http://127.0.0.1:1/api/v3"
    assert github.credentials.token.get_secret_value() == "github-token-1"
    gitops = load(GitOpsRepository, f"{own}gitops")
    assert (gitops.branch, gitops.github.api_url) == ("main", github.api_url)
    assert load(ArgoCDServer, f"{own}argocd").token.get_secret_value() == "argocd-token-1"
    assert load(SonarQubeServer, f"{own}sonarqube").url == "http://127.0.0.1:3"
    assert load(ContainerRegistry, f"{own}registry").login() == ("builder", "registry-password-1")
    assert load(DockerHost, f"{own}docker-engine").base_url == "tcp://127.0.0.1:5"
    with get_client(sync_client=True) as client:
        assert client.read_global_concurrency_limit_by_name(f"environment:{own}staging").limit == 1
        assert client.read_work_pool("tidegate").type == "process"


def test_the_blocks_have_the_names_that_the_configuration_takes_for_granted() -> None:
    names = {settings.name for settings in BLOCKS}
    fields = [Application.model_fields[name] for name in ("github", "registry", "sonarqube")]
    fields += [
        Proof.model_fields["key"],
        Build.model_fields["engine"],
        Environment.model_fields["gitops"],
        PrometheusCheck.model_fields["server"],
    ]
    assert names == {field.default for field in fields} | {"argocd"}


def test_a_second_time_changes_only_what_is_given(run: Run, own: str) -> None:
    run(ALL)
    run({"TIDEGATE_GITHUB_TOKEN": "github-token-2", "TIDEGATE_ARGOCD_WEB_URL": "http://127.0.0.1:9"})
    github, argocd = load(GitHub, f"{own}github"), load(ArgoCDServer, f"{own}argocd")
    assert github.api_url == "http://127.0.0.1:1/api/v3"
    assert github.credentials.token.get_secret_value() == "github-token-2"
    # The block that holds this one does not keep the old one.
    assert load(GitOpsRepository, f"{own}gitops").github.credentials.token.get_secret_value() == "github-token-2"
    assert (argocd.url, argocd.token.get_secret_value()) == ("http://127.0.0.1:2", "argocd-token-1")
    assert argocd.web_url == "http://127.0.0.1:9"


def test_it_says_what_it_set_and_what_it_left_alone_but_no_secret(run: Run, own: str) -> None:
    said = run({name: value for name, value in ALL.items() if "SONARQUBE" not in name})
    assert f"block {own}argocd (tidegate-argocd-server): TIDEGATE_ARGOCD_URL, TIDEGATE_ARGOCD_TOKEN" in said.written
    assert f"global concurrency limit environment:{own}staging: 1" in said.written
    left = f"block {own}sonarqube (tidegate-sonarqube-server): none of TIDEGATE_SONARQUBE_URL, TIDEGATE_SONARQUBE_TOKEN"
    assert f"{left} is set" in said.left_alone
    assert not is_there(SonarQubeServer, f"{own}sonarqube")
    assert [secret for secret in SECRETS if secret in str(said)] == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"TIDEGATE_ARGOCD_TOKEN": ""}, "(tidegate-argocd-server) cannot be made: TIDEGATE_ARGOCD_TOKEN is not set"),
        ({"TIDEGATE_GITHUB_TOKEN": ""}, "(tidegate-github) cannot be made: neither a token nor an App is given"),
        ({"TIDEGATE_REGISTRY_URL": ""}, "cannot be made: TIDEGATE_REGISTRY_URL is not set"),
        ({"TIDEGATE_GITOPS_BRANCH": "--mirror"}, "cannot be made: TIDEGATE_GITOPS_BRANCH is not right: "),
        ({"TIDEGATE_GITOPS_URL": "https://me:hunter2@host/x"}, "TIDEGATE_GITOPS_URL holds credentials; take them out"),
    ],
)
def test_a_wrong_variable_is_named_and_nothing_is_written(
    run: Run, own: str, changes: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        run(ALL | changes)
    assert sentence in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert [settings.name for settings in BLOCKS if is_there(settings.kind, own + settings.name)] == []


def test_a_wrong_key_of_an_app_is_said_before_anything_is_written(run: Run, own: str, tmp_path: Path) -> None:
    state = GitHubState(tmp_path / "github")
    state.create_repository("acme/shop-api")
    app = install_own_app(state, "tidegate", ["acme/shop-api"], WORK)
    with serve(create_app(state)) as url:
        variables = {
            "TIDEGATE_GITHUB_API_URL": f"{url}/api/v3",
            "TIDEGATE_GITHUB_APP_ID": app.app.client_id,
            "TIDEGATE_GITHUB_PRIVATE_KEY": app.private_key,
        }
        # The block's name, which the configuration has, is another in this test; so no repository is asked for.
        assert any("the App may do all that is needed" in line for line in run(variables).written)
        with pytest.raises(ConfigurationError, match="GitHub does not accept the key of App 12"):
            run({**variables, "TIDEGATE_GITHUB_APP_ID": "12"})
        assert load(GitHub, f"{own}github").app_id == app.app.client_id
    unreachable = {**variables, "TIDEGATE_GITHUB_API_URL": "http://127.0.0.1:1/api/v3"}
    assert any("GitHub could not be asked what the credentials may do" in line for line in run(unreachable).written)


def test_an_aws_region_alone_makes_the_registry_an_ecr_one(run: Run, own: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run(ALL)
    host = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
    run({"TIDEGATE_REGISTRY_URL": f"https://{host}", "TIDEGATE_AWS_REGION": "eu-central-1"})
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    registry = load(ContainerRegistry, f"{own}registry")
    with mock_aws():
        login = registry.login()
    assert registry.credentials is None
    assert login is not None
    assert login[0] == "AWS"


def test_a_lock_that_somebody_widened_is_narrow_again(run: Run, own: str) -> None:
    run({})
    with get_client(sync_client=True) as client:
        client.upsert_global_concurrency_limit_by_name(f"environment:{own}staging", 5)
        run({})
        assert client.read_global_concurrency_limit_by_name(f"environment:{own}staging").limit == 1
