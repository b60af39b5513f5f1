"""Writes the members of a release by one commit and follows all of them; the last step of release.

Its other half, the way back, is flows.promotion.take_back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from prefect import State, get_run_logger
from prefect.states import Cancelled, Completed

from flows.promotion.confirm import confirm_change
from flows.promotion.members import Member
from flows.promotion.roll_out import announce_ending, announce_writing, change_of, refuse_unfollowable, report
from flows.promotion.side_by_side import Verdicts, side_by_side
from flows.promotion.take_back import take_back
from tasks.domain.approval.decision import Approval
from tasks.domain.promotion.history import Change, change_with
from tasks.domain.rollout.verdict import RolloutKind, RolloutVerdict
from tasks.domain.verdict import failed
from tasks.gitops.batch import Edit
from tasks.gitops.desired_state import read_desired_state, read_history, write_together

_ABANDONED = RolloutVerdict(
    failed("it was taken back with its release before it was confirmed"), RolloutKind.SUPERSEDED
)


def roll_out_together(name: str, members: Sequence[Member], approval: Approval | None, broken_glass: str = "") -> State:
    """Only for the run that holds the environment; completed only where all members run their candidate, verified.

    A commit that is there already, of a run that was lost after its push, is found and followed.
    """
    moving = find_moving(members)
    for member in moving:
        if refused := refuse_unfollowable(member.place, member.candidate):
            return refused
    for member in moving:
        announce_writing(member.place, member.candidate)
    edits = [_edit(name, member, approval, broken_glass) for member in moving]
    written = write_together(moving[0].place.gitops, name, edits)
    revisions = {member.candidate.application: each.revision for member, each in zip(moving, written, strict=True)}
    calls = {member.candidate.application: partial(_confirm, member, revisions) for member in moving}
    with side_by_side(calls, lambda verdict: verdict.calls_for_rollback) as verdicts:
        # Whoever is still followed sees by git that it is over.
        ending = _ending(name, moving, verdicts)
    get_run_logger().info(ending.message)
    for member in moving:
        announce_ending(member.place, member.candidate, ending)
        application = member.candidate.application
        verdict = verdicts.get(application, _ABANDONED)
        report(member.place, member.candidate, approval, revisions[application], verdict, ending, broken_glass)
    return ending


def find_moving(members: Sequence[Member]) -> tuple[Member, ...]:
    """The members that the release changes; where all are written already, those of the newest commit."""
    desired = [read_desired_state(member.place.gitops, member.place.env.manifest).image for member in members]
    moving = [
        member
        for member, image in zip(members, desired, strict=True)
        if image is None or image.digest != member.candidate.digest
    ]
    return tuple(moving or _newest_written(members))


def _newest_written(members: Sequence[Member]) -> Sequence[Member]:
    changes = {}
    for member in members:
        place = member.place
        history = read_history(place.gitops, place.application, place.environment)
        changes[place.application] = change_with(history, member.candidate.digest)
    dated = [(change.when, change.revision) for change in changes.values() if change and change.when]
    newest = max(dated)[1] if dated else None
    return [member for member in members if _revision(changes[member.place.application]) == newest]


def _revision(change: Change | None) -> str | None:
    return change.revision if change else None


def _edit(name: str, member: Member, approval: Approval | None, broken_glass: str) -> Edit:
    change = change_of(member.place, member.candidate, approval, broken_glass)
    return Edit(replace(change, release=name), member.place.env.manifest, member.candidate.image)


def _confirm(member: Member, revisions: Mapping[str, str]) -> RolloutVerdict:
    candidate = member.candidate
    return confirm_change(member.place, revisions[candidate.application], candidate.image, candidate.commit)


def _ending(name: str, moving: Sequence[Member], verdicts: Verdicts) -> State:
    environment = moving[0].place.environment
    if any(verdict.calls_for_rollback for verdict in verdicts.values()):
        return take_back(name, moving, verdicts)
    reasons = "; ".join(f"{application}: {verdict.verdict.reason}" for application, verdict in verdicts.items())
    if all(verdict.verdict.has_passed for verdict in verdicts.values()):
        return Completed(name="Verified", message=f"Release {name} is in {environment}, verified: {reasons}")
    return Cancelled(name="Superseded", message=f"Release {name} was changed in {environment} meanwhile: {reasons}")
