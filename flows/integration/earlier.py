"""What was found in earlier commits of the mainline: kept on this worker, and with each signed image for all others."""

from itertools import islice, takewhile

import httpx

from flows.places.workshop import Workshop
from flows.proof import read_statements
from tasks.domain.errors import DeliveryError
from tasks.domain.gates.baseline import Baseline
from tasks.domain.proof.gate_results import baseline_from
from tasks.domain.proof.kinds import GATES
from tasks.registry.images import find_digest
from tasks.run_log import run_logger
from tasks.source.baseline import find_baseline, keep_baseline

# How many commits the registry is asked for: those that failed have no image there.
_ASKED = 10


def find_earlier(workshop: Workshop, commits: tuple[str, ...]) -> Baseline | None:
    """The baseline of the first of these commits, newest first, that has one.

    This worker may have one of an older commit only, because another worker has checked those since: then the gate
    results that are attached to their images say more, if a trusted key has signed them.
    """
    where = (workshop.github, workshop.app.repository, workshop.application)
    kept = find_baseline(*where, commits)
    newer = takewhile(lambda commit: kept is None or commit != kept.commit, commits)
    for commit in islice(newer, _ASKED):
        if found := _from_registry(workshop, commit):
            keep_baseline(*where, found)
            run_logger().info("The findings of %s come from its image's gate results.", commit[:7])
            return found
    return kept


def _from_registry(workshop: Workshop, commit: str) -> Baseline | None:
    if workshop.signing is None or workshop.app.proof is None:
        return None
    try:
        digest = find_digest(workshop.registry, workshop.app.image, commit)
        place = (workshop.registry, workshop.app.image, workshop.signing)
        statements = read_statements(*place, digest, GATES) if digest else ()
    except (DeliveryError, httpx.HTTPError) as problem:
        # The gate is stricter without it; nothing is let through.
        run_logger().warning("The registry does not say what was found in %s: %s", commit[:7], problem)
        return None
    return next((found for each in statements if (found := baseline_from(each.predicate, commit))), None)
