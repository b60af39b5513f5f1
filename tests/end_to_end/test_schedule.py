"""With the pinned dependencies, the cron deployment of prefect.yaml really gets its runs from the server."""

import time
from pathlib import Path

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterName
from prefect.settings import PREFECT_API_URL, temporary_settings

from deployments.demo.platform import start_platform
from deployments.sandbox.opening import open_world


def test_the_nightly_deployment_gets_its_scheduled_runs(tmp_path: Path) -> None:
    """With sqlalchemy 2.1 the server's scheduler fails in every loop, and nothing says so."""
    with (
        open_world(tmp_path / "sandbox") as world,
        start_platform(tmp_path, world.environment(), "secret") as platform,
        temporary_settings(updates={PREFECT_API_URL: f"{platform.ui_url}/api"}),
        get_client(sync_client=True) as client,
    ):
        nightly = DeploymentFilter(name=DeploymentFilterName(any_=["nightly"]))
        runs = []
        deadline = time.monotonic() + 60
        while not runs and time.monotonic() < deadline:
            runs = client.read_flow_runs(deployment_filter=nightly)
            time.sleep(0.5)
    assert {(run.state.type.value, run.auto_scheduled) for run in runs} == {("SCHEDULED", True)}
    assert {run.expected_start_time.in_timezone("Europe/Berlin").strftime("%H:%M") for run in runs} == {"02:30"}
