"""Several applications to one environment, together or not at all: one decision, one approval, one commit.

What each step asks and does is promote's; what is special here is that all members share its outcome. The candidates
stand in the run's parameters, so that a run that was suspended, lost or scheduled goes on with what was decided on.
"""

from prefect import State, flow, get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed

from flows.endings import end
from flows.places.hold import hold
from flows.promotion.approve import ask_about_all
from flows.promotion.leave import goes_on_at
from flows.promotion.members import Member, begin_release, load_members, look_at_all
from flows.promotion.onward import end_older, go_on
from flows.promotion.together import find_moving, roll_out_together
from tasks.domain.approval.decision import Approval
from tasks.domain.promotion.decision import Later, NotNow, Promote, Refuse, Superseded, UpToDate, Wait, refuse_waiting
from tasks.domain.promotion.release import read_pinned
from tasks.runs.promotions import run_url
from tasks.runs.releases import start_release

Members = tuple[Member, ...]


@flow(name="release", flow_run_name="{name} -> {environment}", validate_parameters=True)
def release(name: str, environment: str, candidates: dict[str, str] | None = None, break_glass: str = "") -> State:
    """Promote the members of a release to one environment: all of them, or none.

    Args:
        name: The release's name in the delivery configuration, such as shop.
        environment: The environment's name there. Where it wants an approval, the run asks once for all members.
        candidates: By application its commit and digest, as COMMIT@DIGEST. Left out: what the environments before run
            now, for which another run is started once all members are verified there.
        break_glass: Only in an emergency: why closed deployment windows and freezes do not matter now. It is kept in
            the commit. Gates and approval are asked for all the same.

    """
    reason = break_glass.strip()
    if not candidates:
        return _begin(name, environment, reason)
    pinned = read_pinned(candidates)
    members = load_members(name, environment, pinned)
    decision = look_at_all(name, environment, members, reason)
    if not isinstance(decision, Promote | UpToDate | Later):
        return _leave(name, environment, candidates, decision, reason)
    for member in members:
        end_older(member.place, member.candidate)
    approval = None
    policy = members[0].place.env.approval
    if policy is not None and not isinstance(decision, UpToDate):
        asked = [(member.place, member.candidate) for member in find_moving(members)]
        answer = ask_about_all(name, asked, policy)
        if not isinstance(answer, Approval):
            # A run that was woken, rather than answered by a person, has been superseded.
            decision = look_at_all(name, environment, members, reason)
            return end(decision if isinstance(decision, Superseded) else answer)
        approval = answer
        # Hours may have passed: what was written into the configuration meanwhile counts.
        members = load_members(name, environment, pinned)
    ending = _change(name, environment, members, approval, reason)
    if isinstance(ending, State):
        return ending
    return _leave(name, environment, candidates, refuse_waiting(ending) if approval else ending, reason)


def _begin(name: str, environment: str, break_glass: str) -> State:
    begun = begin_release(name, environment, break_glass)
    if isinstance(begun, Wait):
        reason = f"Release {name} is not started in {environment}: {begun.reason}"
        return Completed(name="Waiting", message=reason)
    return Completed(name="Started", message=f"Release {name} goes to {environment}: {run_url(str(begun))}")


def _change(
    name: str, environment: str, members: Members, approval: Approval | None, break_glass: str
) -> State | NotNow:
    """Hold the environment, look once more, and only then write: one lock covers all members, for it is one place."""
    with hold(environment):
        decision = look_at_all(name, environment, members, break_glass)
        if not isinstance(decision, Promote | UpToDate):
            return decision
        if approval and (unasked := [m for m in find_moving(members) if m.candidate.digest not in approval.digest]):
            changed = " and ".join(member.place.application for member in unasked)
            return Refuse(f"{changed} was changed in {environment} after the approval; look at it and start again")
        broken_glass = decision.broken_glass if isinstance(decision, Promote) else ""
        if broken_glass:
            get_run_logger().warning("the glass is broken: %s", broken_glass)
        ending = roll_out_together(name, members, approval, broken_glass)
    if ending.name == "Verified":
        for member in find_moving(members):
            go_on(member.place, member.candidate, ending)
    return ending


def _leave(name: str, environment: str, candidates: dict[str, str], decision: NotNow, break_glass: str) -> State:
    """The run's end; one that only has to wait for a time leaves a run of the same candidates, scheduled for then."""
    ending = end(decision)
    at = goes_on_at(decision)
    if at is None:
        return ending
    key = f"{flow_run.id}:{at.isoformat()}"
    run = start_release(name, environment, candidates, at=at, break_glass=break_glass, key=key)
    ending.message = f"{decision.reason}; goes on by itself: {run_url(str(run))}"
    get_run_logger().info(ending.message)
    return ending
