"""Has the demo's production changed by pull requests, and lets somebody review the one that comes."""

import threading
import time

from deployments.demo.timeline import Run
from deployments.sandbox.github.records import Protection
from deployments.sandbox.world import GITOPS, World

_PRODUCTION = "\n  production:\n"
_WRITE = "    write: {mode: pull-request, labels: [promotion], poll-seconds: 0.5}\n"
_READING_SECONDS = 4.0
_PATIENCE_SECONDS = 300


def take_pull_requests(world: World) -> str:
    """Before anything is pushed: production's configuration, and GitHub's protection of the branch."""
    text = world.delivery_file.read_text()
    if _PRODUCTION not in text:
        raise ValueError("the sample has changed: there is no production to be changed by pull requests")
    world.delivery_file.write_text(text.replace(_PRODUCTION, _PRODUCTION + _WRITE, 1))
    world.github.repositories[GITOPS].protection = Protection(reviews=1)
    return "Production takes pull requests only, and GitHub wants a review of each."


def review_later(world: World, _waiting: Run) -> str:
    """While production waits for its approval: Pat will look at the pull request."""
    threading.Thread(target=_review, args=(world,), daemon=True).start()
    return "Once the pull request is open, Pat reads it for a few seconds and approves it on GitHub."


def _review(world: World) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        for pull in world.github.repositories[GITOPS].pull_requests:
            if pull.state == "open" and not pull.reviews:
                time.sleep(_READING_SECONDS)
                world.github.review_pull_request(GITOPS, pull.number, by="pat")
                return
        time.sleep(0.2)
