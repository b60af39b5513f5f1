"""The commands as a person types them: what they print, and their exit codes."""

import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect_github import GitHubCredentials

from blocks.github import GitHub
from deployments.command_line import main
from deployments.sandbox.github.protocol import create_app
from deployments.sandbox.github.state import GitHubState
from deployments.sandbox.server import serve
from tasks.domain.event.asked import StartIntegrate

ROOT = Path(__file__).parents[2]


@flow(name="stand-in-of-the-command-line")
def stand_in(application: str, commit: str, pull_request: int | None = None) -> None:
    """Takes what integrate takes; under a name of its own, so that no other test's worker runs it."""


@pytest.fixture
def tidegate(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> "Tidegate":
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("TIDEGATE_DELIVERY", raising=False)
    return Tidegate(monkeypatch, capsys)


class Tidegate:
    """Runs one command in this process; gives exit code, output and error output."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        self._monkeypatch.setattr(sys, "argv", ["tidegate", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = self._capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err


def test_check_says_what_is_right(tidegate: Tidegate) -> None:
    code, out, _ = tidegate("check")
    assert code == 0
    assert "deployments/delivery.yaml: shop-api through staging -> production: right" in out
    assert "prefect.yaml: integrate, answer, promote, release, roll-back, nightly, watch" in out


def test_check_names_the_mistakes_of_both_files_at_once(tidegate: Tidegate, tmp_path: Path) -> None:
    delivery, prefect_file = tmp_path / "delivery.yaml", tmp_path / "prefect.yaml"
    delivery.write_text("version: 1\n")
    prefect_file.write_text("deploymnts: []\n")
    code, _, err = tidegate("check", "--delivery", str(delivery), "--prefect-file", str(prefect_file))
    assert code == 2
    assert f"{delivery}:1: applications: is missing" in err
    assert f"{prefect_file}:1: deploymnts: unknown key; did you mean 'deployments'?" in err


def test_schema_is_the_file_in_the_repository(tidegate: Tidegate) -> None:
    code, out, _ = tidegate("schema")
    assert (code, out) == (0, (ROOT / "deployments" / "delivery.schema.json").read_text())


def test_register_lists_its_variables(tidegate: Tidegate) -> None:
    code, out, _ = tidegate("register", "--variables")
    assert code == 0
    assert "TIDEGATE_ARGOCD_TOKEN           argocd         has the right applications, get (secret)\n" in out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["trigger", "shop"], "unknown application 'shop'; known: shop-api"),
        (["trigger", "shop-api", "--commit", "1a2b3c4"], "commit '1a2b3c4' is not a full SHA; give all 40 hexadecimal"),
        (["webhook"], "TIDEGATE_WEBHOOK_SECRET is not set"),
        (["check", "--delivery", "none.yaml"], "none.yaml cannot be read (No such file or directory)"),
        (["register", "--force"], "No such option: --force"),
    ],
)
def test_wrong_input_ends_with_2_and_a_sentence(tidegate: Tidegate, arguments: list[str], sentence: str) -> None:
    code, _, err = tidegate(*arguments)
    assert code == 2
    assert sentence in err
    assert "Traceback" not in err


def test_a_port_in_use_is_a_sentence(tidegate: Tidegate, prefect_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_WEBHOOK_SECRET", "a secret")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _, err = tidegate("webhook", "--port", str(port))
    assert code == 2
    assert err == f"cannot listen on 127.0.0.1:{port} (Address already in use); choose another with --port\n"


def test_without_a_server_s_address_nothing_is_started(tidegate: Tidegate) -> None:
    with temporary_settings(restore_defaults={PREFECT_API_URL}):
        for arguments in (["register"], ["trigger", "shop-api", "--commit", "a" * 40]):
            code, _, err = tidegate(*arguments)
            assert code == 2
            assert err.startswith("PREFECT_API_URL is not set")


def test_a_server_that_does_not_answer_ends_with_1(tidegate: Tidegate) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{closed.getsockname()[1]}/api"}):
            code, _, err = tidegate("trigger", "shop-api", "--commit", "a" * 40)
    assert code == 1
    assert err.startswith("the Prefect server does not answer (ConnectError)")


@pytest.fixture
def github(prefect_server: str, tmp_path: Path) -> Iterator[tuple[GitHubState, str]]:
    """A GitHub with one commit, and the name of the block that leads to it."""
    state, block = GitHubState(tmp_path), f"t{uuid4().hex[:8]}"
    with serve(create_app(state)) as url:
        state.add_user("acme", token="a-token-of-acme")
        state.create_repository("acme/shop-api")
        state.commit("acme/shop-api", "main", {"a.txt": "a"}, "Begin", author_name="Ada", author_email="ada@localhost")
        credentials = GitHubCredentials(token="a-token-of-acme")
        GitHub(api_url=f"{url}/api/v3", web_url=url, credentials=credentials).save(block)
        yield state, block


@pytest.fixture
def deployed(prefect_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with get_client(sync_client=True) as client:
        schema = stand_in.parameters.model_dump()
        client.create_deployment(client.create_flow(stand_in), "integrate", parameter_openapi_schema=schema)
    monkeypatch.setattr("deployments.integrations.DEPLOYMENTS", {StartIntegrate: f"{stand_in.name}/integrate"})


def test_trigger_starts_a_run_for_the_head_of_the_mainline(
    tidegate: Tidegate,
    deployed: None,
    github: tuple[GitHubState, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    state, block = github
    example = (ROOT / "deployments" / "delivery.yaml").read_text()
    delivery = tmp_path / "delivery.yaml"
    delivery.write_text(example.replace("    branch: main\n", f"    branch: main\n    github: {block}\n"))
    monkeypatch.setenv("TIDEGATE_DELIVERY", str(delivery))
    head = state.repositories["acme/shop-api"].git.head("main")
    code, out, _ = tidegate("trigger", "shop-api")
    assert code == 0
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(UUID(out.strip().rpartition("/")[2]))
    assert run.parameters == {"application": "shop-api", "commit": head, "pull_request": None}
    assert out.startswith(f"integrate shop-api {head[:7] if head else ''}: http")


def test_check_asks_github_whether_the_registered_credentials_suffice(
    tidegate: Tidegate, github: tuple[GitHubState, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, block = github
    delivery = tmp_path / "delivery.yaml"
    example = (ROOT / "deployments" / "delivery.yaml").read_text()
    delivery.write_text(example.replace("    branch: main\n", f"    branch: main\n    github: {block}\n"))
    (tmp_path / "waivers.yaml").write_text((ROOT / "deployments" / "waivers.yaml").read_text())
    monkeypatch.setenv("TIDEGATE_DELIVERY", str(delivery))
    code, out, _ = tidegate("check", "--access")
    assert (code, "access to acme/shop-api on GitHub: right" in out) == (0, True)
    state.repositories.clear()
    code, _, err = tidegate("check", "--access")
    assert code == 2
    assert "GitHub shows nothing at /api/v3/repos/acme/shop-api (404)" in err


def test_triggering_the_same_commit_again_is_a_new_run(tidegate: Tidegate, deployed: None) -> None:
    outs = {tidegate("trigger", "shop-api", "--commit", "b" * 40)[1] for _ in range(2)}
    assert len(outs) == 2


def test_a_missing_deployment_says_how_to_make_it(
    tidegate: Tidegate, prefect_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deployments.integrations.DEPLOYMENTS", {StartIntegrate: "nobody/integrate"})
    code, _, err = tidegate("trigger", "shop-api", "--commit", "b" * 40)
    assert code == 2
    assert err == "the Prefect server has no deployment nobody/integrate; run `prefect --no-prompt deploy --all`\n"
