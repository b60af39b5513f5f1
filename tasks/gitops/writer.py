"""One writer for all that a host has to write: whoever holds the mirror commits what everybody handed in.

One commit for each edit, or for several that go together, and one push for all of them. The others find their answer
when they get the lock. An answer is only what the edit itself comes to, or that the server is away; with any other
trouble its owner tries for itself. So nothing is lost with a writer that dies, and nobody fails by somebody else's
mistake or credentials.
"""

import hashlib
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from blocks.gitops import GitOpsRepository
from tasks.domain.errors import (
    AccessRefused,
    ConfigurationError,
    DeliveryError,
    DesiredStateConflict,
    InvalidImageReference,
    InvalidManifest,
    Unreachable,
)
from tasks.gitops.batch import Batch, Edit, Outcome, Written
from tasks.gitops.mirror import GitOpsMirror, mirror_folder, open_mirror
from tasks.gitops.queue import Request, find_waiting, hand_in

_TRIES = 10
# Seconds; the pause before the next try is random below this, doubled each time up to the second.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
# Those that share a commit; mostly there is one.
Edits = tuple[Edit, ...]
_EDITS = TypeAdapter(Edits)
_WRITTEN = TypeAdapter(tuple[Written, ...])
# What an edit itself can come to, beside a commit.
_OWN = (DesiredStateConflict, InvalidManifest, InvalidImageReference, ConfigurationError)
_KINDS: Mapping[str, type[DeliveryError]] = {kind.__name__: kind for kind in (*_OWN, Unreachable)}


def deliver(repository: GitOpsRepository, edits: Edits) -> tuple[Written, ...]:
    """Have the edits written by one commit, by this process or another one of this host: all of them or none.

    Raises as tasks.gitops.write_image does.
    """
    content = {"edits": _EDITS.dump_python(edits, mode="json", by_alias=True, exclude_unset=True)}
    with hand_in(_queue(repository), content) as own, open_mirror(repository) as mirror:
        answer = own.find_answer()
        if answer is not None:
            return _read_answer(answer)
        return _Writer(repository, mirror, own, edits).write()


@dataclass(frozen=True, slots=True)
class _Writer:
    """The process that holds the mirror, with its own edits and those of the others."""

    repository: GitOpsRepository
    mirror: GitOpsMirror
    own: Request
    edits: Edits

    def write(self) -> tuple[Written, ...]:
        """Write what waits; what became of the own edits."""
        for attempt in range(_TRIES):
            if attempt:
                longest = min(_FIRST_PAUSE * 2.0**attempt, _LONGEST_PAUSE)
                time.sleep(random.uniform(0, longest))  # noqa: S311 - it only has to differ between hosts
            waiting = self._waiting()
            try:
                endings = self._try(waiting)
            except Unreachable as problem:
                self._answer(dict.fromkeys(waiting, problem))
                raise
            except AccessRefused:
                if len(waiting) == 1:
                    raise
                # One of the edits may be what the server refuses: now only the own one, and so will the others do.
                waiting = {self.own: self.edits}
                endings = self._try(waiting)
            if endings is not None:
                return self._finish(endings)
        moved = DesiredStateConflict(
            f"branch '{self.repository.branch}' of {self.repository.url} moved on during each of {_TRIES} pushes; "
            "try again later"
        )
        self._answer(dict.fromkeys(waiting, moved))
        raise moved

    def _waiting(self) -> dict[Request, Edits]:
        """Everybody's edits, the own ones among them."""
        found = {request: _read_edits(request) for request in find_waiting(_queue(self.repository))}
        known = {request: edits for request, edits in found.items() if edits is not None}
        return known | {self.own: self.edits}

    def _try(self, waiting: Mapping[Request, Edits]) -> dict[Request, tuple[Written, ...] | Exception] | None:
        """What each request comes to, once it is on the branch; None where somebody else pushed meanwhile."""
        head = self.mirror.fetch(anew=True)
        batch = Batch(self.mirror, head, [edit for edits in waiting.values() for edit in edits])
        planned = {request: _plan(batch, edits) for request, edits in waiting.items()}
        shas = batch.commit()
        if shas and not self.mirror.push(shas[-1]):
            return None
        return {request: plan if isinstance(plan, Exception) else plan(shas) for request, plan in planned.items()}

    def _finish(self, endings: Mapping[Request, tuple[Written, ...] | Exception]) -> tuple[Written, ...]:
        self._answer(endings)
        own = endings[self.own]
        if isinstance(own, Exception):
            raise own
        return own

    def _answer(self, endings: Mapping[Request, tuple[Written, ...] | Exception]) -> None:
        for request, ending in endings.items():
            if request == self.own:
                continue
            if isinstance(ending, tuple):
                request.answer({"written": _WRITTEN.dump_python(ending, mode="json")})
            elif isinstance(ending, tuple(_KINDS.values())):
                request.answer({"error": type(ending).__name__, "message": str(ending)})


def _queue(repository: GitOpsRepository) -> Path:
    """Only who would write to the same branch as the same person hands in to the same queue."""
    who = (repository.branch, repository.username, repository.committer_name, repository.committer_email)
    name = hashlib.sha256("\0".join(who).encode()).hexdigest()[:16]
    return mirror_folder(repository).with_suffix(".queue") / name


def _plan(batch: Batch, edits: Edits) -> Outcome | Exception:
    try:
        return batch.add(edits)
    except Exception as problem:  # noqa: BLE001 - a mistake in one edit, whatever it is, must not stop the others
        return problem


def _read_edits(request: Request) -> Edits | None:
    try:
        return _EDITS.validate_python(request.read()["edits"])
    except (FileNotFoundError, KeyError, TypeError, ValueError, ValidationError, DeliveryError):
        # Its owner has gone, or is of another version of this program; then it does it by itself.
        return None


def _read_answer(answer: Mapping[str, Any]) -> tuple[Written, ...]:
    if "error" in answer:
        raise _KINDS[answer["error"]](answer["message"])
    return _WRITTEN.validate_python(answer["written"])
