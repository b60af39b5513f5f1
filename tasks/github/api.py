"""Requests to GitHub's REST API: limits are waited for, writes are paced, and refusals are told in a sentence."""

import hashlib
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Iterator

import httpx

from tasks.domain.errors import AccessRefused, ConfigurationError, DeliveryError, EvidenceMissing
from tasks.github.problems import github_problems
from tasks.retry import rate_limit_wait
from tasks.run_log import run_logger

# What GitHub says, before the SHA, of a commit that the repository does not have.
_NO_COMMIT = "No commit found for SHA: "
# A limit that lasts longer is told, not slept through.
_LONGEST_WAIT_SECONDS = 300.0
_ATTEMPTS = 4
# So many writes a minute are nothing special; with more of them GitHub wants a second between two.
# https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api
_FREE_WRITES, _MINUTE, _PAUSE_SECONDS = 30, 60.0, 1.0
_KEPT_ANSWERS = 200


class NotShown(AccessRefused):
    """GitHub shows nothing there: it is not there, or we may not see it."""


_writing = threading.Lock()
_written: deque[float] = deque(maxlen=_FREE_WRITES)
_answers: OrderedDict[str, httpx.Response] = OrderedDict()
_keeping = threading.Lock()


def send(client: httpx.Client, request: httpx.Request, *, right: str) -> httpx.Response:
    """The answer, with rate limits waited for; 5xx and lost connections are left to the task's retries.

    What was read before costs nothing while it is unchanged; writes go out one after another. Raises AccessRefused,
    naming `right`, and DeliveryError for what GitHub cannot take.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        response = _send_once(client, request)
        wait = rate_limit_wait(response, now=time.time(), attempt=attempt)
        if wait is None:
            break
        if wait > _LONGEST_WAIT_SECONDS or attempt == _ATTEMPTS:
            raise DeliveryError(f"GitHub limits our requests for another {wait:.0f} s; run again after that")
        run_logger().warning("GitHub limits our requests; waiting %.0f s", wait)
        time.sleep(wait)
    _refuse(response, request.url.path, right)
    return response


def pages(client: httpx.Client, request: httpx.Request, *, right: str) -> Iterator[httpx.Response]:
    """The answer and all pages after it."""
    while True:
        response = send(client, request, right=right)
        yield response
        following = response.links.get("next", {}).get("url")
        # Followed only on the same server: the token goes along.
        if not following or _origin(httpx.URL(following)) != _origin(request.url):
            return
        request = client.build_request("GET", following)


def _send_once(client: httpx.Client, request: httpx.Request) -> httpx.Response:
    with github_problems():
        if request.method == "GET":
            return _read(client, request)
        with _writing:
            now = time.monotonic()
            if len(_written) == _FREE_WRITES and now - _written[0] < _MINUTE:
                time.sleep(max(0.0, _written[-1] + _PAUSE_SECONDS - now))
            try:
                return client.send(request)
            finally:
                _written.append(time.monotonic())


def _read(client: httpx.Client, request: httpx.Request) -> httpx.Response:
    """Ask whether what was answered before still holds: to say so is not counted against the limit.

    https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api#use-conditional-requests-if-appropriate
    """
    # An App's token is set while the request is sent; GitHub makes sure that who may not read gets no 304.
    key = hashlib.sha256(f"{request.url} {request.headers.get('Authorization', '')}".encode()).hexdigest()
    with _keeping:
        kept = _answers.get(key)
    if kept is not None:
        request.headers["If-None-Match"] = kept.headers["ETag"]
    response = client.send(request)
    if kept is not None and response.status_code == httpx.codes.NOT_MODIFIED:
        return kept
    if response.is_success and "ETag" in response.headers:
        with _keeping:
            _answers[key] = response
            while len(_answers) > _KEPT_ANSWERS:
                _answers.popitem(last=False)
    return response


def _refuse(response: httpx.Response, path: str, right: str) -> None:
    status = response.status_code
    if status == httpx.codes.UNAUTHORIZED:
        raise AccessRefused(f"GitHub does not know the token (401 for {path}); put a valid one into the GitHub block")
    if status == httpx.codes.FORBIDDEN:
        raise AccessRefused(f"GitHub refuses {path} (403); give the token the right {right!r}")
    if status == httpx.codes.NOT_FOUND:
        # GitHub hides what a token may not see.
        raise NotShown(f"GitHub shows nothing at {path} (404); check the name, or give the token {right!r}")
    if response.is_redirect:
        raise ConfigurationError(f"{path} has moved at GitHub; correct the repository's name in the configuration")
    if status == httpx.codes.UNPROCESSABLE_ENTITY:
        message = _message(response)
        if message.startswith(_NO_COMMIT):
            repository = "/".join(path.partition("/repos/")[2].split("/")[:2])
            commit = message.removeprefix(_NO_COMMIT)
            raise EvidenceMissing(f"{repository} has no commit {commit}; push it, or give one that was pushed")
        raise DeliveryError(f"GitHub cannot take this for {path} (422): {message}")
    response.raise_for_status()


def _message(response: httpx.Response) -> str:
    try:
        return str(response.json()["message"])[:300]
    except (ValueError, KeyError, TypeError):
        return "it gave no reason"


def _origin(url: httpx.URL) -> tuple[str, bytes]:
    return url.scheme, url.netloc
