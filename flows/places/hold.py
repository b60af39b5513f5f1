"""Holds an environment, so that one run at a time changes it."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError
from prefect.concurrency.sync import concurrency

from tasks.domain.errors import ConfigurationError


@contextmanager
def hold(environment: str) -> Iterator[None]:
    """Wait for whoever holds it now; raises ConfigurationError where its lock was never registered."""
    lock = f"environment:{environment}"
    with ExitStack() as held:
        try:
            held.enter_context(concurrency(lock, occupy=1, strict=True))
        except ConcurrencySlotAcquisitionError as error:
            raise ConfigurationError(
                f"the lock {lock} cannot be taken; run `tidegate register`, which makes the locks of all environments"
            ) from error
        yield
