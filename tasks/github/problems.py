"""Says in our own words that GitHub does not let our App in."""

from collections.abc import Iterator
from contextlib import contextmanager

from blocks.github_app import AppRefused
from tasks.domain.errors import AccessRefused


@contextmanager
def github_problems() -> Iterator[None]:
    """Raise AccessRefused where the App gets no token."""
    try:
        yield
    except AppRefused as refusal:
        raise AccessRefused(str(refusal)) from refusal
