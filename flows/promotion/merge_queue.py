"""Waits for GitHub's merge queue, which merges a pull request by itself or throws it out."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from prefect import State

from flows.endings import end
from flows.places.place import Place
from flows.promotion.proposal import Proposal, repository_of, tell
from tasks.domain.approval.decision import Expired, Rejected
from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.promotion.decision import Decision, NotNow, Promote, Refuse, UpToDate
from tasks.domain.promotion.pull_request import Blocked, Closed, Merged, ThrownOut, decide_in_queue
from tasks.github.merge_queue import read_queue
from tasks.github.proposals import read_pull_request

_WAY_ON = "it stays open: put right what failed there, and promote again"


def wait_in_queue(
    place: Place, candidate: ReleaseCandidate, proposal: Proposal, look: Callable[[], Decision]
) -> Proposal | State | NotNow:
    """The proposal once it is merged, or how the promotion ends; the environment is not held meanwhile."""
    repository, github = repository_of(place)
    rules, number, told = place.env.write, proposal.pull.number, ""
    until = datetime.now(UTC) + timedelta(seconds=rules.wait_seconds)
    while True:
        # In this order: what is merged between the two looks is seen as merged, and not only as gone from the queue.
        seen = read_queue(github, repository, number)
        pull = read_pull_request(github, repository, number)
        match decide_in_queue(pull, seen):
            case Merged() as merged:
                return replace(proposal, pull=pull, standing=merged)
            case Closed(reason):
                decision = look()
                return decision if not isinstance(decision, Promote | UpToDate) else end(Rejected(reason))
            case ThrownOut(reason):
                return end(Refuse(f"the merge queue has thrown out pull request #{number}: {reason}; {_WAY_ON}"))
            case Blocked(reason):
                pass
        if reason != told:
            tell(place, candidate, pull, reason)
            told = reason
        if datetime.now(UTC) > until:
            return end(
                Expired(f"pull request #{number} was not merged in time: {reason}; take it out, or promote again")
            )
        time.sleep(rules.poll_seconds)
