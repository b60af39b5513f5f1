"""What every task that reaches outside has in common: what may heal by itself is tried again, nothing is cached."""

from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any, ParamSpec, TypeVar

import httpx
from prefect import Task, task
from prefect.cache_policies import NO_CACHE

from tasks.domain.errors import Unreachable

P = ParamSpec("P")
R = TypeVar("R")
# How often a task that reaches outside is tried again, and after how many seconds each time.
RETRY_DELAYS = [1.0, 5.0, 15.0]
_LIMITED = {httpx.codes.FORBIDDEN, httpx.codes.TOO_MANY_REQUESTS}
_NO_HINT_SECONDS = 60.0


def outside_task(name: str) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Make a task of a function that reaches outside; `name` is the run's, with the parameters in braces.

    Never cached: what was true outside when it ran last may not be true now.
    """
    return task(
        task_run_name=name,
        cache_policy=NO_CACHE,
        retries=len(RETRY_DELAYS),
        retry_delay_seconds=RETRY_DELAYS,
        retry_condition_fn=worth_retrying,
    )


def worth_retrying(_task: Any, _run: Any, state: Any) -> bool:
    """Whether a failed task run may succeed unchanged: no answer, a 5xx or a 429; never a refusal or a wrong input."""
    # The engine hands over the exception itself or a result record around it.
    error = getattr(state.data, "result", state.data)
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.is_server_error or error.response.status_code == httpx.codes.TOO_MANY_REQUESTS
    return isinstance(error, Unreachable | httpx.TransportError | ConnectionError | TimeoutError | BlockingIOError)


def rate_limit_wait(response: httpx.Response, *, now: float, attempt: int) -> float | None:
    """Seconds until a rate-limited request may be sent again; None where the answer is not about a rate limit.

    `now` is in seconds since 1970, `attempt` counts from 1. In GitHub's order: retry-after, then the reset time of an
    empty quota, else a minute that doubles with each attempt
    (https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api).
    """
    if response.status_code not in _LIMITED:
        return None
    if after := response.headers.get("retry-after"):
        return _seconds(after, now)
    if response.headers.get("x-ratelimit-remaining") == "0":
        return max(0.0, float(response.headers.get("x-ratelimit-reset", now + _NO_HINT_SECONDS)) - now)
    if response.status_code == httpx.codes.TOO_MANY_REQUESTS or "rate limit" in response.text.lower():
        return _NO_HINT_SECONDS * 2.0 ** (attempt - 1)
    return None


def _seconds(retry_after: str, now: float) -> float:
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - now)
    except ValueError:
        return _NO_HINT_SECONDS
