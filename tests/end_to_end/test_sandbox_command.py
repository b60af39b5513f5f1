"""`tidegate sandbox` alone: what it prints is what `tidegate register` reads, and Ctrl-C ends all of it."""

import itertools
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from deployments.block_settings import BLOCKS


@pytest.fixture
def sandbox() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "deployments.command_line", "sandbox"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        yield process
        process.kill()


def exports(sandbox: subprocess.Popen[str]) -> dict[str, str]:
    """As a shell reads them: a value may have several lines, as keys do."""
    assert sandbox.stdout is not None
    lines = itertools.takewhile(lambda line: not line.startswith("# Images are built by"), sandbox.stdout)
    words = [word for word in shlex.split("".join(lines)) if word != "export"]
    return dict(word.split("=", 1) for word in words)


def test_the_sandbox_serves_what_it_prints_until_it_is_interrupted(sandbox: subprocess.Popen[str]) -> None:
    printed = exports(sandbox)

    known = {setting.variable for block in BLOCKS for setting in block.settings} | {"TIDEGATE_DELIVERY"}
    assert printed.keys() <= known
    argocd = {"Authorization": f"Bearer {printed['TIDEGATE_ARGOCD_TOKEN']}"}
    applications = httpx.get(f"{printed['TIDEGATE_ARGOCD_URL']}/api/v1/applications", headers=argocd).json()["items"]
    assert {a["metadata"]["name"]: a["status"]["health"]["status"] for a in applications} == {
        "shop-api-production": "Healthy",
        "shop-api-staging": "Healthy",
    }
    assert httpx.get(f"{printed['TIDEGATE_REGISTRY_URL']}/v2/").is_success

    sandbox.send_signal(signal.SIGINT)
    assert sandbox.wait(30) == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{printed['TIDEGATE_REGISTRY_URL']}/v2/")
