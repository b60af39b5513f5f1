"""What all tests share: one real Prefect server for the whole session."""

from collections.abc import Iterator

import pytest
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE,
    PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL,
    temporary_settings,
)
from prefect.testing.utilities import prefect_test_harness

_QUICK = {
    # Each flow run would otherwise wait a second for its heartbeat thread.
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
    # Written one by one, task runs make SQLite refuse what else is written meanwhile, which is tried again after 2 s.
    PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE: 50,
    PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL: 1,
}


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[str]:
    """The API address of a Prefect server on an empty database; it runs in a process of its own."""
    with (
        # First, so that the harness makes them the settings of all threads, and of the server.
        temporary_settings(_QUICK),
        prefect_test_harness(server_startup_timeout=120),
    ):
        yield str(PREFECT_API_URL.value())
