"""One release candidate to one environment: decide, ask a person, change the desired state, confirm the rollout.

The state machine is drawn in the README. What it needs beyond its parameters it reads from where the truth is: gates
from GitHub, the image from the registry, desired state and history from git, live state from Argo CD. So a run that
was lost is simply started again.
"""

from functools import partial

from prefect import State, flow, get_run_logger

from flows.endings import end
from flows.places.hold import hold
from flows.places.place import Place, load_place
from flows.promotion.approve import ask_until_answered
from flows.promotion.facts import gather_candidate, gather_facts
from flows.promotion.leave import leave, let_the_next_go
from flows.promotion.onward import end_older, go_on
from flows.promotion.propose import change_by_pull_request
from flows.promotion.roll_out import roll_out
from tasks.domain.approval.decision import Approval
from tasks.domain.candidate import ReleaseCandidate
from tasks.domain.promotion.decision import (
    Decision,
    Later,
    Promote,
    Superseded,
    UpToDate,
    decide_promotion,
    refuse_waiting,
)
from tasks.domain.verdict import Verdict


@flow(
    name="promote",
    flow_run_name="{application} {commit:.7} -> {environment}",
    validate_parameters=True,
    on_completion=[let_the_next_go],
    on_failure=[let_the_next_go],
    on_crashed=[let_the_next_go],
    on_cancellation=[let_the_next_go],
)
def promote(application: str, environment: str, commit: str, digest: str, break_glass: str = "") -> State:
    """Promote the image with this digest, built from this commit, to one environment.

    Args:
        application: The application's name in the delivery configuration, such as shop-api.
        environment: The environment's name in the delivery configuration. Where it wants an approval, the run asks;
            where the application only goes with its release, it refuses.
        commit: All 40 digits of the SHA that the image was built from.
        digest: The image's digest, sha256: and 64 digits; the artifact APPLICATION-candidate shows it with its commit.
        break_glass: Only in an emergency: why closed deployment windows and freezes do not matter now. It is kept in
            the commit. Gates and approval are asked for all the same.

    """
    place = load_place(application, environment)
    candidate, evidence = gather_candidate(place, commit, digest)
    reason = break_glass.strip()
    decision = look(place, candidate, evidence, reason)
    if not isinstance(decision, Promote | UpToDate | Later):
        return leave(place, candidate, decision, reason)
    end_older(place, candidate)
    approval = None
    asks = place.env.approval is not None and not place.env.write.asks_on_github
    if not isinstance(decision, UpToDate) and place.env.approval is not None and asks:
        answer = ask_until_answered(place, candidate, place.env.approval)
        if not isinstance(answer, Approval):
            # A run that was woken, rather than answered by a person, has been superseded.
            decision = look(place, candidate, evidence, reason)
            return end(decision if isinstance(decision, Superseded) else answer)
        approval = answer
        # Hours may have passed: a freeze that was written meanwhile counts.
        place = load_place(application, environment)
    ending = change(place, candidate, evidence, approval, reason)
    if ending.name == "Verified":
        go_on(place, candidate, ending)
    return ending


def change(
    place: Place, candidate: ReleaseCandidate, evidence: Verdict, approval: Approval | None, break_glass: str
) -> State:
    """Hold the environment, look once more, and only then write: hours may have passed since the first look."""
    if place.env.write.is_by_pull_request:
        again = partial(look, place, candidate, evidence, break_glass)
        ending = change_by_pull_request(place, candidate, approval, again)
        if isinstance(ending, State):
            return ending
        return leave(place, candidate, refuse_waiting(ending) if approval else ending, break_glass)
    with hold(place.environment):
        decision = look(place, candidate, evidence, break_glass)
        if not isinstance(decision, Promote | UpToDate):
            return leave(place, candidate, refuse_waiting(decision) if approval else decision, break_glass)
        broken_glass = decision.broken_glass if isinstance(decision, Promote) else ""
        if broken_glass:
            get_run_logger().warning("the glass is broken: %s", broken_glass)
        return roll_out(place, candidate, approval, broken_glass)


def look(place: Place, candidate: ReleaseCandidate, evidence: Verdict, break_glass: str) -> Decision:
    """Gather the facts as they are now and decide."""
    decision = decide_promotion(gather_facts(place, candidate, evidence, break_glass))
    get_run_logger().info(decision.reason)
    return decision
