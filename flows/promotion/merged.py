"""Sees to it that the history names who approved what was merged, whoever wrote the merge's message."""

from datetime import timedelta

from prefect import get_run_logger

from flows.places.place import Place
from flows.promotion.proposal import Proposal
from flows.promotion.remember import Memory
from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.errors import DeliveryError
from tasks.domain.promotion.history import Change
from tasks.gitops.merged import note_merge


def record_merge(place: Place, change: Change, merged: str) -> None:
    """Note the change on the commit that does not tell it; where that fails the run goes on, which knows it too."""
    try:
        noted = note_merge(place.gitops, change, merged)
    except DeliveryError as problem:
        get_run_logger().warning("the history does not name who approved %s: %s", merged[:7], problem)
        return
    if noted:
        get_run_logger().info("a git note on %s says what its message does not", noted[:7])


def keep_reviews(candidate: ReleaseCandidate, proposal: Proposal) -> None:
    """Attach the approvals that were given on GitHub to the image, signed, as those of the form are."""
    reviewed = proposal.reviewed
    if proposal.approval is None or reviewed is None:
        return
    memory = Memory(reviewed.place, reviewed.policy, candidate, reviewed.asked)
    for answer in proposal.approval.answers:
        expires = answer.answered_at + timedelta(seconds=reviewed.policy.expires_seconds)
        memory.keep(answer, question=proposal.pull.url, expires=expires)
