"""Takes a release back that failed: every member to what it ran before, by one commit, confirmed like any rollout."""

from collections.abc import Sequence
from functools import partial

from prefect import State, get_run_logger
from prefect.runtime import flow_run
from prefect.states import Failed

from flows.promotion.announce import announce
from flows.promotion.confirm import confirm_change
from flows.promotion.members import Member
from flows.promotion.side_by_side import Verdicts, side_by_side
from flows.roll_back import find_previous
from tasks.domain.errors import DesiredStateConflict
from tasks.domain.feedback.deployment import DeploymentState
from tasks.domain.promotion.history import Change
from tasks.domain.promotion.way_back import NoWayBack
from tasks.domain.rollout.verdict import RolloutVerdict
from tasks.gitops.batch import Edit
from tasks.gitops.desired_state import read_desired_state, write_together
from tasks.runs.promotions import run_url


def take_back(name: str, moving: Sequence[Member], verdicts: Verdicts) -> State:
    """All members to what they ran before, by one commit; only what has failed itself is in quarantine afterwards."""
    bad = {application: verdict for application, verdict in verdicts.items() if verdict.calls_for_rollback}
    why = "; ".join(f"{application}: {verdict.verdict.reason}" for application, verdict in bad.items())
    get_run_logger().error("release %s is taken back: %s", name, why)
    ways = [(member, _way_back(name, member, bad, why)) for member in moving]
    edits = [(member, way) for member, way in ways if isinstance(way, Edit)]
    left = [way for _, way in ways if isinstance(way, str)]
    if edits:
        try:
            written = write_together(moving[0].place.gitops, name, [edit for _, edit in edits])
        except DesiredStateConflict as conflict:
            return Failed(message=f"Release {name} failed, and was not taken back: {why}; {conflict}")
        left += _confirm_back(edits, [each.revision for each in written])
    back = ", ".join(f"{member.place.application} {edit.change.source_commit[:7]}" for member, edit in edits)
    sentence = f"Release {name} failed: {why}. {moving[0].place.environment} is back at {back or 'nothing'}"
    if left:
        return Failed(message=f"{sentence}; but {'; '.join(left)}")
    return Failed(name="Rolled back", message=f"{sentence}, verified.")


def _way_back(name: str, member: Member, bad: Verdicts, why: str) -> Edit | str:
    """What puts this member back, or why nothing does."""
    place, digest = member.place, member.candidate.digest
    now = read_desired_state(place.gitops, place.env.manifest).image
    if now is None or now.digest != digest:
        return f"{place.application} holds another image by now, which was left alone"
    previous = find_previous(place, digest)
    if isinstance(previous, NoWayBack):
        return f"{place.application}: {previous.reason}"
    image, commit = previous
    has_failed = place.application in bad
    change = Change(
        application=place.application,
        environment=place.environment,
        digest=image.digest or "",
        source_commit=commit,
        rollback_of=digest if has_failed else None,
        replaced_unhealthy=None if has_failed else digest,
        reason=bad[place.application].verdict.reason if has_failed else f"release {name} was taken back: {why}",
        release=name,
        run=run_url(str(flow_run.id)),
    )
    return Edit(change, place.env.manifest, image, expected_digest=digest)


def _confirm_back(edits: Sequence[tuple[Member, Edit]], revisions: Sequence[str]) -> list[str]:
    """What is not well after the way back."""
    calls = {}
    for (member, edit), revision in zip(edits, revisions, strict=True):
        image, commit = edit.image or member.candidate.image, edit.change.source_commit
        calls[member.place.application] = partial(
            confirm_change, member.place, revision, image, commit, is_way_back=True
        )
    with side_by_side(calls, lambda _verdict: False) as verdicts:
        unwell = [f"{name}: {verdict.verdict.reason}" for name, verdict in verdicts.items() if not _is_well(verdict)]
    for member, edit in edits:
        if _is_well(verdicts[member.place.application]):
            said = f"Back from {member.candidate.digest[:19]}."
            announce(member.place, edit.change.source_commit, edit.change.digest, DeploymentState.SUCCESS, said)
    return unwell


def _is_well(verdict: RolloutVerdict) -> bool:
    return verdict.verdict.has_passed
